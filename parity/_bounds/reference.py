"""A right answer in a wider format than the one that is judged, with what a rounding-error bound needs.

`definition` computes such answers; `tolerance` makes the bound from the sums over absolute values and the numbers of
terms.
"""

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np


@dataclass(frozen=True)
class Reference:
    """A result in a wider format, and what is known of the sums that make it.

    Attributes:
        value: the result in the wider format.
        roundoff: the unit roundoff of that format; 0 where it is exact.
        terms: how many roundings a term of the sum passes at most while it is accumulated; an int, or one for
            each element.
        magnitude: the same sum over absolute values, or more.
        stores: then, in order, the steps whose results are rounded to the output's own format, as
            (roundings, sum of absolute values) pairs.
        products: whether the terms are products of two inputs, which a backend may round first (TF32).
    """

    value: np.ndarray
    roundoff: float
    terms: int | np.ndarray
    magnitude: np.ndarray
    stores: tuple[tuple[int | np.ndarray, np.ndarray], ...] = ()
    products: bool = True

    @property
    def is_exact(self) -> bool:
        """Whether it is one of `exact`: to be met bit for bit."""
        return not self.products and not self.stores

    @classmethod
    def exact(cls, value: np.ndarray) -> "Reference":
        """A result that has nothing to round: a selection, an index, integers, weights carried over."""
        return cls(np.asarray(value), 0.0, 0, np.zeros(np.shape(value)), products=False)


def roundoff(dtype: Any) -> float:
    """The unit roundoff of a floating or complex dtype rounded to nearest: 2^-p for p bits of precision."""
    if np.dtype(dtype).char in "gG":  # ml_dtypes does not know long double
        return float(np.finfo(dtype).eps) / 2
    return float(ml_dtypes.finfo(dtype).eps) / 2


def wider(dtype: Any) -> np.dtype:
    """The format references are computed in: float64 for up to 32 bits a number, long double for 64.

    Integers stay as they are: modular arithmetic is exact. Where the platform's long double is no wider than
    float64, `Reference.roundoff` says so, and the bound grows by what the reference itself may be off.
    """
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        return dtype
    if dtype.kind == "c":
        return np.dtype(np.complex128 if dtype.itemsize == 8 else np.clongdouble)
    return np.dtype(np.float64 if dtype.itemsize <= 4 else np.longdouble)
