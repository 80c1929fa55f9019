"""torch.nn.functional's normalisations of each sample by itself: group, layer and root mean square."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import (
    array,
    check_channels,
    check_number,
    check_per_channel,
    check_shape,
    each_integer,
    optional_array,
    positive,
    refuse_dtype,
)
from jaxconv._arrays import ranked
from jaxconv._dtypes import widened
from jaxconv._functional._norm import affine, channels_shape, moments, norm_dtypes
from jaxconv._types import ArrayLike

__all__ = ["group_norm", "layer_norm", "rms_norm"]


def group_norm(
    input: ArrayLike,
    num_groups: int,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """Normalises each group of channels of each sample: torch.nn.functional.group_norm (Wu & He 2018).

    y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance over the group's channels and all
    positions. Half-precision types are computed in float32 and rounded once.

    Args:
        input: (N, C, *size) or (N, C), floating. N may be 0.
        num_groups: must divide C.
        weight: (C,) or None; of the input's dtype, or float32 beside a half-precision input.
        bias: likewise.
        eps: added to the variance.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: shapes that do not fit, a single value in all, or no channels or positions.
        TypeError: dtypes that torch refuses too, or an argument of the wrong type.
    """
    op = "group_norm"
    x = array("input", input)
    params = {n: optional_array(n, v) for n, v in (("weight", weight), ("bias", bias))}
    norm_dtypes(op, x, **params)
    check_number("eps", eps)
    groups = positive("num_groups", num_groups)
    check_channels(op, x.shape)
    if x.shape[1] % groups:
        raise ValueError(
            f"Expected number of channels in `input` to be divisible by `num_groups` (={groups}), but got `input` "
            f"of shape {x.shape}"
        )
    check_per_channel(x, x.shape[1], **params)
    if 0 in x.shape[1:]:  # torch 2.13 still accepted it
        raise ValueError(f"Expected `input` to have channels and positions, got shape {x.shape}")
    if x.shape[0] * x.shape[1] // groups * math.prod(x.shape[2:]) == 1:
        raise ValueError(f"Expected more than 1 value per group, got `input` of shape {x.shape}")
    if x.size == 0:
        return x
    # Not (N, groups, -1): channels that are split and joined with positions at once cannot be sharded.
    grouped = widened(x).reshape(x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    centred, _, var = moments(grouped, tuple(range(2, grouped.ndim)))
    y = (centred * lax.rsqrt(var + eps)).reshape(x.shape)
    return affine(y, None, params["weight"], params["bias"], channels_shape(x)).astype(x.dtype)


def layer_norm(
    input: ArrayLike,
    normalized_shape: Sequence[int],
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    eps: float = 1e-5,
) -> jax.Array:
    """Normalises over the last dimensions: torch.nn.functional.layer_norm (Ba et al. 2016).

    y = (x - mean) / sqrt(var + eps) * weight + bias, with mean and biased variance over those dimensions.
    Half-precision types are computed in float32 and rounded once.

    Args:
        input: (*, *normalized_shape), floating.
        normalized_shape: a tuple of ints, at least one.
        weight: of shape normalized_shape, or None; of the input's dtype, or float32 beside an input of a
            half-precision type.
        bias: likewise.
        eps: added to the variance.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: dtypes that torch refuses too, or an argument of the wrong type.
    """
    x = array("input", input)
    params = {n: optional_array(n, v) for n, v in (("weight", weight), ("bias", bias))}
    norm_dtypes("layer_norm", x, **params)
    check_number("eps", eps)
    axes, shape = _last_axes(x, normalized_shape, **params)
    if x.size == 0:
        return x
    centred, _, var = moments(widened(x), axes)
    shape = (*(1,) * (x.ndim - len(shape)), *shape)
    return affine(centred, lax.rsqrt(var + eps), params["weight"], params["bias"], shape).astype(x.dtype)


def rms_norm(
    input: ArrayLike,
    normalized_shape: Sequence[int],
    weight: ArrayLike | None = None,
    eps: float | None = None,
) -> jax.Array:
    """Divides by the root of the mean square of the last dimensions: torch.nn.functional.rms_norm.

    y = x / sqrt(mean(x ** 2) + eps) * weight (Zhang & Sennrich 2019). As in torch the square of a complex number is
    no absolute value. Half-precision types are computed in float32 and rounded once.

    Args:
        input: (*, *normalized_shape), floating or complex.
        normalized_shape: a tuple of ints, at least one.
        weight: of shape normalized_shape, or None; of any dtype, but not complex beside a real input (torch would
            drop the imaginary part).
        eps: added to the mean square; None for the machine epsilon of the input's dtype, float32's in half precision.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: an integer input, or an argument of the wrong type.
    """
    op = "rms_norm"
    x = array("input", input)
    refuse_dtype(op, x, jnp.integer, jnp.bool_)
    w = optional_array("weight", weight)
    if w is not None and jnp.iscomplexobj(w) and not jnp.iscomplexobj(x):
        raise TypeError(f"{op}: a `weight` of {w.dtype} would make the output of a {x.dtype} `input` complex")
    if eps is not None:
        check_number("eps", eps)
    axes, _ = _last_axes(x, normalized_shape, weight=w)
    if x.size == 0:
        return x
    x_wide = widened(x)
    eps = float(jnp.finfo(x_wide.dtype).eps) if eps is None else eps
    y = x_wide * lax.rsqrt(jnp.mean(x_wide * x_wide, axes, keepdims=True) + eps)
    return (y if w is None else y * ranked(w, y.ndim)).astype(x.dtype)


def _last_axes(
    x: jax.Array, normalized_shape: Sequence[int], **params: jax.Array | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes that `normalized_shape` names, and that shape itself, checked."""
    if not hasattr(normalized_shape, "__len__") or isinstance(normalized_shape, str):
        raise TypeError(f"`normalized_shape` must be a tuple of ints, got {normalized_shape!r}")
    shape = each_integer("normalized_shape", normalized_shape)
    if not shape:
        raise ValueError("Expected `normalized_shape` to be at least 1-dimensional, got ()")
    if x.shape[-len(shape) :] != shape:
        raise ValueError(
            f"Given `normalized_shape` (={shape}), expected `input` of shape (*, {', '.join(map(str, shape))}), "
            f"but got `input` of shape {x.shape}"
        )
    for name, value in params.items():
        check_shape(name, value, shape, "the shape of `normalized_shape`")
    return tuple(range(x.ndim - len(shape), x.ndim)), shape
