"""Pairs of normal numbers as torch makes them of uniform ones (Box & Muller 1958), to the last bit.

Sources: torch's ATen/native/cpu/DistributionTemplates.h and avx_mathfun.h (2.13), whose polynomials are those of
the Cephes library (Moshier 1984), as its compiler fuses them. float64 is the C library's, there and here.
"""

import math
from functools import reduce
from typing import Any

import numpy as np

_F = np.float32

_LOG = (
    *(7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1),
    *(-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1),
)
_LOG_2 = (0.693359375, -2.12194440e-4)  # high and low part
_MINUS_PI_4 = (-0.78515625, -2.4187564849853515625e-4, -3.77489497744594108e-8)
_SIN = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
_COS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)


def box_muller(uniform: np.ndarray, mean: Any, std: Any) -> np.ndarray:
    """Normal numbers of as many uniform ones in [0, 1), a multiple of 16.

    Eight radii and eight angles give eight cosines and eight sines.
    """
    u = uniform.reshape(-1, 2, 8)
    log, sin_cos = (_log, _sin_cos) if u.dtype == _F else (_libm(math.log), _libm_sin_cos)
    radius = np.sqrt(u.dtype.type(-2) * log(1 - u[:, 0]))
    sin, cos = sin_cos(u.dtype.type(2 * math.pi) * u[:, 1])
    return fma(np.stack([radius * cos, radius * sin], 1), std, mean).reshape(-1)


def fma(x: np.ndarray, y: Any, z: Any) -> np.ndarray:
    """x * y + z in float32 or float64, rounded once.

    By rounding to odd before the last rounding (Boldo & Melquiond 2008, Emulation of a FMA and correctly rounded sums).
    """
    with np.errstate(invalid="ignore", over="ignore"):
        if x.dtype == _F:  # float64 holds the whole product.
            return _odd_sum(x.astype(np.float64) * y, np.asarray(z, np.float64)).astype(_F)
        product = x * y
        (x1, x2), (y1, y2) = _halves(x), _halves(y)
        error = x2 * y2 - (((product - x1 * y1) - x2 * y1) - x1 * y2)  # Dekker
        low, lowest = _two_sum(z, error)
        total, rest = _two_sum(product, low)
        exact = total + _odd_sum(lowest, rest)
        return np.where(np.isfinite(exact), exact, product + z)


def _halves(x: Any) -> tuple[Any, Any]:
    """x as the sum of two numbers of half as many bits (Veltkamp)."""
    c = (2.0**27 + 1) * x
    high = c - (c - x)
    return high, x - high


def _two_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """x + y rounded, and what was rounded off (Knuth)."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _odd_sum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x + y in float64, rounded to the neighbour whose last bit is 1 where it is not exact."""
    total, error = _two_sum(x, y)
    even = (total.view(np.int64) & 1) == 0
    change = even & (error != 0) & np.isfinite(total)
    return np.where(change, np.nextafter(total, np.copysign(np.inf, error)), total)


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    first, *rest = coefficients
    return reduce(lambda y, c: fma(y, x, _F(c)), rest, np.full_like(x, first))


def _log(x: np.ndarray) -> np.ndarray:
    fraction, exponent = np.frexp(x)
    below = fraction < _F(math.sqrt(0.5))
    e = (exponent - below).astype(_F)
    x = np.where(below, (fraction - 1) + fraction, fraction - 1)
    square = x * x
    y = fma(_polynomial(_LOG, x) * x, square, e * _F(_LOG_2[1]))
    y = fma(square, _F(-0.5), y)
    return fma(e, _F(_LOG_2[0]), x + y)


def _sin_cos(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    octant = (x * _F(4 / math.pi)).astype(np.int32)
    octant = (octant + 1) & ~1
    k = octant.astype(_F)
    for part in _MINUS_PI_4:
        x = fma(k, _F(part), x)
    square = x * x
    cos = fma(_polynomial(_COS, square) * square, square, square * _F(-0.5)) + 1
    sin = fma(_polynomial(_SIN, square) * square, x, x)
    swap = (octant & 2) != 0
    sin, cos = np.where(swap, cos, sin), np.where(swap, sin, cos)
    return np.where(octant & 4, -sin, sin), np.where((octant - 2) & 4, cos, -cos)


def _libm(function: Any) -> Any:
    # Not NumPy's own, whose last bits differ from the C library's on some machines.
    return np.vectorize(function, otypes=[np.float64])


def _libm_sin_cos(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return _libm(math.sin)(x), _libm(math.cos)(x)
