"""What the normalisations share: moments, the affine map, and what torch refuses."""

from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import refuse_dtype
from jaxconv._arrays import ranked
from jaxconv._dtypes import is_reduced, widened


def moments(
    x: jax.Array, axes: tuple[int, ...], axis_name: Hashable = None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """(x - mean, mean, biased variance) over `axes`, which are kept with size 1, and the mapped axis.

    The mean is computed twice: a first one is a mere shift, and the second pass takes the mean of what is left and
    its square (Chan, Golub & LeVeque 1983, Algorithms for computing the sample variance). So neither suffers where
    the mean is much greater than the deviation, as E[x^2] - E[x]^2 does; and as any shift will do, none of it is
    differentiated.
    """

    def mean(*values: jax.Array) -> Any:
        means = tuple(jnp.mean(value, axes, keepdims=True) for value in values)
        return means if axis_name is None else lax.pmean(means, axis_name)

    (shift,) = mean(lax.stop_gradient(x))
    # Of an infinite mean inf - inf would make NaN; torch's is infinite.
    shift = jnp.where(jnp.isfinite(shift), shift, 0)
    shifted = x - shift
    rest, square = mean(shifted, shifted * shifted)
    var = square - rest * rest
    # Not jnp.maximum: at a variance of 0 it would halve the derivatives.
    return shifted - rest, shift + rest, jnp.where(var < 0, 0, var)


def affine(
    y: jax.Array,
    scale: jax.Array | None,
    weight: jax.Array | None,
    bias: jax.Array | None,
    shape: tuple[int, ...],
) -> jax.Array:
    """y * scale * weight + bias, where weight and bias are given that shape to broadcast."""
    if weight is not None:
        reshaped = ranked(widened(weight, y).reshape(shape), y.ndim)
        scale = reshaped if scale is None else scale * reshaped
    if scale is not None:
        y = y * scale
    return y if bias is None else y + ranked(widened(bias, y).reshape(shape), y.ndim)


def channels_shape(x: jax.Array) -> tuple[int, ...]:
    """What an array of one element per channel is reshaped to, beside x (N, C, *size)."""
    return (1, -1, *(1,) * (x.ndim - 2))


def norm_dtypes(op: str, x: jax.Array, **params: jax.Array | None) -> None:
    """torch's rule: floating, and all arrays of one dtype, or all but a half-type input in float32."""
    refuse_dtype(op, x, jnp.integer, jnp.bool_, jnp.complexfloating)
    dtypes = {name: value.dtype for name, value in params.items() if value is not None}
    half = is_reduced(x.dtype)
    if len(set(dtypes.values())) > 1 or not set(dtypes.values()) <= {
        x.dtype,
        *([jnp.dtype("float32")] * half),
    }:
        listed = ", ".join(f"{name}: {dtype}" for name, dtype in ({"input": x.dtype} | dtypes).items())
        raise TypeError(
            f"{op} expected all arrays to have the same dtype, or all but a half-precision input to be float32, "
            f"but got {listed}"
        )


def check_stats(
    op: str, mean: jax.Array | None, var: jax.Array | None, needed: bool
) -> tuple[jax.Array | None, jax.Array | None]:
    """Both running statistics, or none if they are not needed."""
    if needed and (mean is None or var is None):
        raise ValueError(
            f"{op}: `running_mean` and `running_var` must be given if the input's own are not used"
        )
    if (mean is None) != (var is None):
        raise ValueError(
            f"{op}: `running_mean` and `running_var` must either both be None or neither be None"
        )
    return mean, var
