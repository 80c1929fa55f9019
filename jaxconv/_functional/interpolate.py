"""torch.nn.functional.interpolate."""

import math
import typing
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._args import array, check_one_of, integer, refuse_dtype, symbolic
from jaxconv._arrays import along
from jaxconv._functional import interpolate_tables as tables
from jaxconv._functional.adaptive_pooling import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from jaxconv._types import ArrayLike, InterpolationMode, Scale, Size

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

MODES = typing.get_args(InterpolationMode)

# The modes for one number of spatial dimensions, and what they do along each.
_FIXED = {
    "linear": (1, "linear"),
    "bilinear": (2, "linear"),
    "trilinear": (3, "linear"),
    "bicubic": (2, "cubic"),
    "lanczos": (2, "lanczos"),
}


def interpolate(
    input: ArrayLike,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: InterpolationMode = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> jax.Array:
    """Resizes the spatial dimensions: torch.nn.functional.interpolate, with its coordinates and weights.

    Args:
        input: (N, C, *size) of 1 to 3 spatial dimensions; N may be 0. float16, bfloat16, float32, float64; uint8 also
            for 'nearest', 'nearest-exact', 'bilinear', 'bicubic' and 'lanczos' (in fixed point, as torch). With
            `antialias` no half-precision types.
        size: of the output: int or one for each spatial dimension. Either this or `scale_factor`.
        scale_factor: number or one for each spatial dimension: the output's size is floor(size * scale_factor).
        mode: 'nearest', 'nearest-exact', 'area', 'linear' (1 spatial dimension), 'bilinear', 'bicubic', 'lanczos' (2;
            'lanczos' with `antialias` only), 'trilinear' (3).
        align_corners: for the linear and cubic modes: whether the centres of the corner elements are aligned (True), or
            their outer corners (False and None).
        recompute_scale_factor: whether the coordinates come from the sizes (True) and not from `scale_factor`.
        antialias: whether 'bilinear' and 'bicubic' take in all that a smaller output's element covers.

    Returns:
        (N, C, *out), in the input's dtype. Half-precision types are computed in float32 and rounded once.

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: a dtype that torch refuses too, or an argument of the wrong type.
    """
    x = array("input", input)
    ndim = x.ndim - 2
    check_interpolate(size, scale_factor, mode, align_corners, recompute_scale_factor)
    _check_rank(mode, ndim, x.shape, align_corners, antialias)
    out, scales = _output_size(x.shape[2:], size, scale_factor, recompute_scale_factor or mode == "area")
    if 0 in x.shape[1:] or any(n < 1 for n in out if not symbolic(n)):
        raise ValueError(
            f"Input and output sizes should be greater than 0, but got `input` of shape {x.shape} and an output size "
            f"of {out}"
        )
    if x.dtype != jnp.uint8 or mode in ("area", "linear", "trilinear"):
        refuse_dtype(f"interpolate (mode={mode!r})", x, jnp.integer, jnp.bool_, jnp.complexfloating)
    if antialias and x.dtype.itemsize == 2:
        refuse_dtype("interpolate with antialias", x, jnp.floating)
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[ndim - 1](x, out)
    if mode in tables.NEAREST:
        for axis in range(2, x.ndim):
            x = _nearest(x, mode, out[axis - 2], scales[axis - 2], axis)
        return x
    return _weighted(x, _FIXED[mode][1], out, bool(align_corners), scales, antialias)


def upsample(
    input: ArrayLike,
    size: Size | None = None,
    scale_factor: Scale | None = None,
    mode: InterpolationMode = "nearest",
    align_corners: bool | None = None,
) -> jax.Array:
    """`interpolate` under the name that torch had for it (torch.nn.functional.upsample, deprecated there)."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(
    input: ArrayLike, size: Size | None = None, scale_factor: Scale | None = None
) -> jax.Array:
    """`interpolate` with mode 'nearest' (torch.nn.functional.upsample_nearest, deprecated there)."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(
    input: ArrayLike, size: Size | None = None, scale_factor: Scale | None = None
) -> jax.Array:
    """`interpolate` with mode 'bilinear' and align_corners=True (torch.nn.functional.upsample_bilinear, deprecated)."""
    return interpolate(input, size, scale_factor, "bilinear", True)


def check_interpolate(size: Any, scale_factor: Any, mode: Any, align_corners: Any, recompute: Any) -> None:
    """What can be told without an input: which arguments go together."""
    check_one_of("mode", mode, MODES)
    if align_corners is not None and mode not in _FIXED:
        raise ValueError(
            f"`align_corners` (={align_corners!r}) option can only be set with the interpolating modes: linear | "
            f"bilinear | bicubic | trilinear, not with `mode` (={mode!r})"
        )
    if (size is None) == (scale_factor is None):
        which = "only one of" if size is not None else "either"
        raise ValueError(
            f"{which} `size` (={size}) or `scale_factor` (={scale_factor}) should be defined: exactly one is needed"
        )
    for name, value in (("size", size), ("scale_factor", scale_factor)):
        numbers = value if isinstance(value, list | tuple) else () if value is None else (value,)
        if any(isinstance(n, str | bytes) for n in numbers):
            raise TypeError(f"`{name}` (={value!r}) must be a number or a tuple of numbers")
    if recompute and size is not None:
        raise ValueError(
            f"`recompute_scale_factor` (={recompute!r}) is not meaningful with an explicit `size` (={size})"
        )


def _check_rank(mode: str, ndim: int, shape: tuple[int, ...], align_corners: Any, antialias: bool) -> None:
    if ndim not in (1, 2, 3):
        raise ValueError(
            f"Only 3D, 4D and 5D `input` (N, C, *size) is supported (no unbatched one), but got shape {shape}"
        )
    if mode in _FIXED and ndim != _FIXED[mode][0]:
        raise ValueError(
            f"Got {ndim + 2}D `input` of shape {shape}, but {mode} mode needs {_FIXED[mode][0] + 2}D input"
        )
    if antialias and mode not in ("bilinear", "bicubic", "lanczos"):
        raise ValueError(
            f"`antialias` (={antialias!r}) is restricted to bilinear, bicubic, and lanczos modes, but got `mode` "
            f"(={mode!r})"
        )
    if mode == "lanczos" and (align_corners or not antialias):
        raise ValueError(
            f"`mode` (='lanczos') requires antialias=True and does not support align_corners=True, but got `antialias` "
            f"(={antialias!r}) and `align_corners` (={align_corners!r})"
        )


def _output_size(
    size: tuple[int, ...], wanted: Any, scale_factor: Any, recompute: Any
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The output's size, and the scales that the coordinates are computed with (None: from the sizes)."""
    ndim = len(size)
    name, value = ("size", wanted) if wanted is not None else ("scale_factor", scale_factor)
    each = tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value,) * ndim
    if len(each) != ndim:
        raise ValueError(
            f"`input` and `{name}` must have the same number of spatial dimensions, but got spatial dimensions of "
            f"{size} and `{name}` (={value})"
        )
    if wanted is not None:
        return tuple(integer("size", n) for n in each), (None,) * ndim
    for scale in each:
        if isinstance(scale, bool | jax.Array) or not isinstance(scale, Real):
            raise TypeError(
                f"`scale_factor` (={scale_factor!r}) must be a number or a tuple of {ndim} numbers"
            )
        if not 0 < float(scale) < math.inf:
            raise ValueError(f"`scale_factor` (={scale_factor}) must be positive and finite")
    scales = tuple(float(scale) for scale in each)
    out = tuple(map(_scaled, size, scales))
    return out, (None,) * ndim if recompute else scales


def _scaled(size: Any, scale: float) -> Any:
    """floor(size * scale), of a symbolic size for a scale that no rounding can be seen of."""
    if not symbolic(size):
        return int(size * scale)
    over, under = scale.as_integer_ratio()
    if under > 1024:
        raise ValueError(
            f"`scale_factor` (={scale}) of the symbolic size {size} must be a multiple of 1/1024: give `size`"
        )
    return size * over // under


def _weighted(
    x: jax.Array, kind: str, out: tuple[int, ...], align_corners: bool, scales: Any, antialias: bool
) -> jax.Array:
    """Weighted sums of few elements along each dimension in turn, the last one first, as in torch."""
    fixed = x.dtype == jnp.uint8
    wide: Any = np.float64 if fixed or x.dtype == jnp.float64 else np.float32
    table = tables.antialias_taps if antialias else tables.taps
    y = x.astype(jnp.int32 if fixed else wide)
    for axis in reversed(range(2, x.ndim)):
        size, to = x.shape[axis], out[axis - 2]
        if size == to and (antialias or fixed):
            continue  # torch's kernels do not look at the scale then
        taps = table(kind, size, to, align_corners, scales[axis - 2], wide)
        if fixed:
            taps, bits = tables.fixed_point(taps)
            # uint8 goes from one dimension to the next, rounded to nearest and cut off.
            y = jnp.clip((_sum(y, taps, axis) + (1 << (bits - 1))) >> bits, 0, 255)
        else:
            y = _sum(y, taps, axis)
    return y.astype(x.dtype)


def _sum(x: jax.Array, taps: tables.Taps, axis: int) -> jax.Array:
    total: Any = 0
    for index, weight, used in zip(taps.index, taps.weight, taps.used, strict=True):
        part = jnp.take(x, index, axis=axis, mode="clip") * along(weight, axis, x.ndim)
        # 0 * NaN is NaN: what the window does not reach is left out.
        total = total + (part if used.all() else jnp.where(along(used, axis, x.ndim), part, 0))
    return total


def _nearest(x: jax.Array, mode: str, out: int, scale: float | None, axis: int) -> jax.Array:
    index = tables.nearest_index(mode, x.shape[axis], out, scale)
    times = out // x.shape[axis]
    if symbolic(out, x.shape[axis]):
        plain = not symbolic(times) and times > 0 and out == times * x.shape[axis] and scale in (None, times)
    else:
        plain = times > 0 and np.array_equal(index, np.arange(out) // times)
    if plain:
        return jnp.repeat(x, times, axis=axis)  # its gradient is a sum, many times as fast as scattering
    return jnp.take(x, index, axis=axis, mode="clip")
