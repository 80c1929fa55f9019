"""Which input elements make an output element of `interpolate`, and with which weights: tables of one dimension.

All in NumPy, or in JAX for symbolic sizes of jax.export, from sizes and scales only, in the precision that torch
computes them in: a rounded coordinate shows in the weights, and at an integer in the index. The formulas are those of
torch's aten/src/ATen/native/UpSample.h.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxconv._args import symbolic

NEAREST = ("nearest", "nearest-exact")


@dataclass(frozen=True)
class Taps:
    """Output o is the sum over k of weight[k, o] * input[index[k, o]], without those k that are not used."""

    index: Any
    weight: Any
    used: np.ndarray


def _number(value: Any, dtype: Any) -> Any:
    """A size as a number of this precision."""
    return jnp.asarray(value, dtype) if symbolic(value) else dtype(value)


def _numbers(out: Any) -> Any:
    """0, 1, ... for each output element."""
    return jnp.arange(out) if symbolic(out) else np.arange(out)


def step(size: int, out: int, align_corners: bool, scale: float | None, dtype: Any) -> Any:
    """The distance, in the input, between neighbours in the output."""
    if align_corners:
        if symbolic(out):
            return _number(size - 1, dtype) / jnp.maximum(_number(out - 1, dtype), 1)
        return _number(size - 1, dtype) / dtype(out - 1) if out > 1 else dtype(0)
    return dtype(1.0 / scale) if scale is not None else _number(size, dtype) / _number(out, dtype)


def nearest_index(mode: str, size: int, out: int, scale: float | None) -> Any:
    """The input's index for each output: floor(o * step), or floor((o + 0.5) * step) for 'nearest-exact'.

    In float32 whatever the arrays are, as in torch's backward and CUDA kernels and in most of its CPU kernels.
    """
    o = _numbers(out)
    if mode == "nearest" and out == size:
        return o
    if mode == "nearest" and out == 2 * size:
        return o // 2
    by = step(size, out, False, scale, np.float32)
    at = (o.astype(np.float32) + np.float32(0.5 if mode == "nearest-exact" else 0)) * by
    xp: Any = jnp if symbolic(size, out) else np
    return xp.minimum(at.astype(jnp.int32 if symbolic(size, out) else np.int64), size - 1)


def taps(mode: str, size: int, out: int, align_corners: bool, scale: float | None, dtype: Any) -> Taps:
    """The 2 taps of 'linear' and the 4 of 'cubic' interpolation."""
    xp: Any = jnp if symbolic(size, out) else np
    o = _numbers(out).astype(dtype)
    by = step(size, out, align_corners, scale, dtype)
    at = by * o if align_corners else by * (o + dtype(0.5)) - dtype(0.5)
    if mode == "linear":
        # torch copies where nothing is resized, whatever the scale.
        at = o if out == size else xp.maximum(at, 0)
    first = xp.minimum(xp.floor(at).astype(jnp.int32 if xp is jnp else np.int64), size - 1)
    t = xp.clip(at - first.astype(dtype), 0, 1)
    if mode == "linear":
        index = xp.stack([first, first + (0 if out == size else first < size - 1)])
        weight = xp.stack([1 - t, t])
    else:
        index = xp.clip(first + np.arange(-1, 3)[:, None], 0, size - 1)
        weight = xp.stack([cubic(distance, dtype(-0.75)) for distance in (t + 1, t, 1 - t, 2 - t)])
    return Taps(index, weight, np.ones((len(index), 1), bool))


def antialias_taps(
    mode: str, size: int, out: int, align_corners: bool, scale: float | None, dtype: Any
) -> Taps:
    """All the taps of a filter that is widened by the step where that is more than 1, as in Pillow."""
    if symbolic(size, out):
        raise ValueError(
            f"`antialias` (=True) does not support symbolic sizes, got {size} and {out}: "
            "export one size at a time"
        )
    reach, function = _FILTERS[mode]
    by = step(size, out, align_corners, scale, dtype)
    wide = max(by, dtype(1))
    support = dtype(reach) * wide
    centre = by * (np.arange(out).astype(dtype) + dtype(0.5))
    low = np.maximum((centre - support + dtype(0.5)).astype(np.int64), 0)
    high = np.minimum((centre + support + dtype(0.5)).astype(np.int64), size)
    count = np.clip(high - low, 0, 2 * math.ceil(support) + 1)
    index = low + np.arange(max(count.max(), 1))[:, None]
    used = index < low + count
    distance = (index.astype(dtype) - centre + dtype(0.5)) * (dtype(1) / wide)
    weight = np.where(used, function(np.abs(distance), dtype), dtype(0))
    total = weight.sum(0)
    weight = weight / np.where(total == 0, dtype(1), total)
    return Taps(np.minimum(index, size - 1), weight.astype(dtype), used)


def fixed_point(taps: Taps) -> tuple[Taps, int]:
    """The same with 16-bit integers for weights, and the number of bits after the point: what uint8 is resized with."""
    weight = taps.weight.copy()
    # What lies beyond the border was given to the last element; torch rounds their sum.
    for k in range(len(weight) - 1, 0, -1):
        same = taps.index[k] == taps.index[k - 1]
        weight[k - 1] += np.where(same, weight[k], 0)
        weight[k] = np.where(same, 0, weight[k])
    bits = 0
    while bits < 22 and int(0.5 + weight.max() * 2 ** (bits + 1)) < 2**15:
        bits += 1
    rounded = np.trunc(np.copysign(0.5, weight) + weight * 2**bits).astype(np.int32)
    return Taps(taps.index, rounded, taps.used), bits


def cubic(x: Any, a: Any) -> Any:
    """Keys' cubic convolution kernel at the distances x >= 0 (https://en.wikipedia.org/wiki/Bicubic_interpolation)."""
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    xp: Any = np if isinstance(x, np.ndarray) else jnp
    return xp.where(x <= 1, near, xp.where(x < 2, far, 0)).astype(x.dtype)


def _hat(x: np.ndarray, dtype: Any) -> np.ndarray:
    return np.maximum(dtype(1) - x, 0)


def _lanczos3(x: np.ndarray, dtype: Any) -> np.ndarray:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / dtype(3)), 0).astype(dtype)


_FILTERS: dict[str, tuple[int, Callable[[np.ndarray, Any], np.ndarray]]] = {
    "linear": (1, _hat),
    "cubic": (2, lambda x, dtype: cubic(x, dtype(-0.5))),
    "lanczos": (3, _lanczos3),
}
