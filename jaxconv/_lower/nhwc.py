"""XLA's own convolution between arrays whose channels are last, as GPUs' libraries have them fastest.

The arrays outside are torch's. XLA lets the transpositions around a convolution vanish where what is next to it can be
computed in either layout, so that between two convolutions there are none.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import channels_last
from jaxconv._lower.product import Product


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product as JAX has it: the convolution or one of its transposes."""
    if p.wanted == "x" and jnp.issubdtype(b.dtype, jnp.integer):
        # JAX has no derivatives of integers, but torch has transposed convolutions.
        return channels_last.compute(p, a, b)
    a, b = (jnp.moveaxis(operand, 1, -1) for operand in (a, b))
    return jnp.moveaxis(_last(p, a, b), -1, 1)


def _last(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product of arrays that have their second axis last, which has the result's last, too."""
    spatial = "DHW"[-p.spec.ndim :]

    def conv(x: Any, weight: Any) -> Any:
        return lax.conv_general_dilated(
            x,
            weight,
            window_strides=p.spec.stride,
            padding=p.spec.padding,
            rhs_dilation=p.spec.dilation,
            dimension_numbers=(f"N{spatial}C", f"O{spatial}I", f"N{spatial}C"),
            feature_group_count=p.spec.groups,
            precision=p.precision,
        )

    if p.wanted == "y":
        return conv(a, b)
    n, channels, *size = p.shape(p.batch(a, b))
    wanted = jax.ShapeDtypeStruct((n, *size, channels), a.dtype)
    if p.wanted == "x":
        return jax.linear_transpose(lambda x: conv(x, a), wanted)(b)[0]
    return jax.linear_transpose(lambda weight: conv(a, weight), wanted)(b)[0]
