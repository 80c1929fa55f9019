"""XLA's own convolution: the default, and the reference for every other lowering."""

import jax
from jax import lax

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
