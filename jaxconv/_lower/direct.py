"""XLA's own convolution: the default, and the reference for every other lowering."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import channels_last
from jaxconv._lower.product import Product
from jaxconv._spec import ConvSpec


def conv(
    spec: ConvSpec, x: jax.Array, weight: jax.Array, *, precision: lax.PrecisionLike = None
) -> jax.Array:
    """The convolution of x (N, C_in, *size) with weight (C_out, C_in / groups, *kernel), no bias."""
    spatial = "DHW"[-spec.ndim :]
    return lax.conv_general_dilated(
        x,
        weight,
        window_strides=spec.stride,
        padding=spec.padding,
        rhs_dilation=spec.dilation,
        dimension_numbers=(f"NC{spatial}", f"OI{spatial}", f"NC{spatial}"),
        feature_group_count=spec.groups,
        precision=precision,
    )


def compute(p: Product, a: jax.Array, b: jax.Array, like: Any = None) -> jax.Array:
    """The product as JAX has it: the convolution or one of its transposes.

    Args:
        p: the product.
        a, b: its operands.
        like: the type of what is wanted; None where it is spread over devices as b is.
    """
    if p.wanted == "y":
        return conv(p.spec, a, b, precision=p.precision)
    if p.wanted == "x" and jnp.issubdtype(b.dtype, jnp.integer):
        # JAX has no derivatives of integers, but torch has transposed convolutions.
        return channels_last.compute(p, a, b)
    # An operand's type has the mesh axes too, without which the transpose would add up over them.
    wanted = jax.typeof(b).update(shape=p.shape(p.batch(a, b)), weak_type=False) if like is None else like
    if p.wanted == "x":
        return jax.linear_transpose(lambda x: conv(p.spec, x, a, precision=p.precision), wanted)(b)[0]
    return jax.linear_transpose(lambda w: conv(p.spec, a, w, precision=p.precision), wanted)(b)[0]
