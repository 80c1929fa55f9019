"""How far rounding may take a result from the exact one: derived for each element, no tolerance to choose.

Sources: N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., chapter 3; N. J. Higham and
T. Mary, "A new approach to probabilistic rounding error analysis", SIAM J. Sci. Comput. 41(5), 2019; M. Fasi,
N. J. Higham, M. Mikaitis and S. Pranesh, "Numerical behavior of NVIDIA tensor cores", PeerJ Comput. Sci.
7:e330, 2021.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from scipy.special import stdtrit

from parity._bounds.reference import Reference, roundoff

FALSE_ALARM = 1e-9
"""The probability, declared in advance, that one verdict on a correct result says "differs"."""


@dataclass(frozen=True)
class Arithmetic:
    """What one multiply-and-add loop really computes in.

    Attributes:
        multiply: unit roundoff of the format both factors of a float32 product are rounded to first; 0 where they
            are taken as they are.
        accumulate: unit roundoff of the running sum.
        store: unit roundoff of the output's format.
        nearest: whether the running sum is rounded to nearest. Tensor cores truncate: twice the roundoff, and
            errors that all point one way, for which only the deterministic bound holds.
        smallest: the smallest normal number of the output's format; below it, rounding loses u times this.
        flush: the smallest normal number of the running sum's format; XLA on CPU flushes what is below it to
            zero.
        sums: unit roundoff of a running sum without products, where it is not `accumulate`'s.
    """

    multiply: float
    accumulate: float
    store: float
    nearest: bool
    smallest: float
    flush: float
    sums: float | None = None

    @property
    def factors(self) -> float:
        """The same of products of the layer's own dtype: only float32 is rounded first."""
        return self.multiply if self.store == roundoff(np.float32) else 0.0

    def plain(self) -> "Arithmetic":
        """The same formats where there is no product: sums do not run on matrix units."""
        accumulate = self.sums or (self.accumulate if self.nearest else self.accumulate / 2)
        return Arithmetic(0.0, accumulate, self.store, True, self.smallest, self.flush)

    def narrow(self) -> "Arithmetic":
        """The same, accumulating in the output's format: torch on CPU does, for gradients of half-precision types."""
        return Arithmetic(self.multiply, self.store, self.store, self.nearest, self.smallest, self.flush)


_TF32 = 2.0**-11
_BF16 = 2.0**-8
_BF16_3X = 2 * _BF16**2
"""bfloat16_3x splits a factor in hi + lo + rest. lo lo and either rest are dropped, each about 2^-16 of the
product: three of them, for which this, counted once for either factor, stands with room for the second
order."""

_MULTIPLY = {
    # (platform, precision): what float32 factors are rounded to before they are multiplied.
    ("cpu", "default"): 0.0,
    ("cpu", "high"): 0.0,
    ("cpu", "highest"): 0.0,
    ("gpu", "default"): _TF32,
    ("gpu", "high"): _TF32,
    ("gpu", "highest"): 0.0,
    ("tpu", "default"): _BF16,
    ("tpu", "high"): _BF16_3X,
    ("tpu", "highest"): 0.0,
}


def arithmetic(dtype: Any, platform: str = "cpu", precision: str = "default") -> Arithmetic:
    """What a convolution or matrix product of this dtype computes in.

    Half-precision types accumulate in float32 everywhere (XLA's CPU compiler widens them, matrix units do by
    construction). Both parts of a complex number are numbers of half its size.

    Args:
        dtype: floating or complex.
        platform: JAX's 'cpu', 'gpu' or 'tpu'.
        precision: JAX's 'default', 'high' or 'highest'.

    Raises:
        ValueError: a platform or precision that is not in the table, or float64 on TPU, which emulates it.
    """
    if (platform, precision) not in _MULTIPLY:
        known = ", ".join(f"{p}/{q}" for p, q in _MULTIPLY)
        raise ValueError(
            f"no arithmetic known for `platform`/`precision` (={platform}/{precision}), only {known}"
        )
    store = roundoff(dtype)
    smallest = float(ml_dtypes.finfo(dtype).smallest_normal)
    single = roundoff(np.float32)
    if store < single:
        if platform == "tpu":
            raise ValueError(
                f"no arithmetic known for `dtype` (={np.dtype(dtype)}) on tpu, which emulates it"
            )
        return Arithmetic(0.0, store, store, True, smallest, smallest)
    multiply = _MULTIPLY[platform, precision]
    on_matrix_units = platform == "gpu" and (multiply > 0 or store > single)
    accumulate = single * (2 if on_matrix_units else 1)
    flush = float(np.finfo(np.float32).smallest_normal)
    return Arithmetic(multiply, accumulate, store, not on_matrix_units, smallest, flush)


def gamma(terms: int | np.ndarray, u: float) -> np.ndarray:
    """gamma_n = n u / (1 - n u), infinite from n u = 1 on (Higham, lemma 3.1)."""
    nu = np.asarray(terms, np.float64) * u
    return np.where(nu < 1, nu / np.where(nu < 1, 1 - nu, 1), np.inf)


def probable_gamma(terms: int | np.ndarray, u: float, confidence: float) -> np.ndarray:
    """gamma~_n(lambda) = exp(lambda sqrt(n) u + n u^2 / (1 - u)) - 1 (Higham and Mary, theorem 2.4)."""
    n = np.asarray(terms, np.float64)
    return np.expm1(confidence * np.sqrt(n) * u + n * u**2 / (1 - u))


def confidence(roundings: float, u: float, false_alarm: float = FALSE_ALARM) -> float:
    """The lambda at which all of so many bounds hold but for a probability of `false_alarm`.

    One inner product of n terms fails with probability at most 2 n exp(-lambda^2 (1 - u)^2 / 2) (Higham and
    Mary, theorem 3.1), m of them with m times that. With `roundings` = n m, solved for lambda.
    """
    return math.sqrt(2 * math.log(2 * max(roundings, 1.0) / false_alarm)) / (1 - u)


def bound(reference: Reference, arithmetic: Arithmetic) -> np.ndarray:
    """The largest |computed - reference.value| that rounding explains, for each element (complex part).

    With S the sum over absolute values of n terms,
        min(gamma_n(u), gamma~_n(lambda)) S   of accumulating, in the format it is done in
        + (2 u_m + u_m^2) S                   of rounding both factors first, where the backend does
        + gamma_k(u_out) |y|                  of each step that stores its result, k roundings
        + gamma_n(u_ref) S                    of the reference itself
    and for underflow, each product and each addition, the smallest normal number. Inputs are taken to be
    normal.

    Returns:
        float64, of the reference's shape; zeros for an exact reference.
    """
    how = arithmetic if reference.products else arithmetic.plain()
    steps = [(reference.terms, reference.magnitude, how.accumulate, how.nearest)]
    steps += [(count, magnitude, how.store, True) for count, magnitude in reference.stores]
    parts = 2 if reference.value.dtype.kind == "c" else 1
    roundings = parts * sum(float(np.sum(np.broadcast_to(step[0], reference.value.shape))) for step in steps)
    error = ((1 + how.factors) ** 2 - 1) * reference.magnitude
    for count, magnitude, u, nearest in steps:
        relative = gamma(count, u)
        if nearest:
            relative = np.minimum(relative, probable_gamma(count, u, confidence(roundings, u)))
        underflow = np.asarray(count, np.float64) * (2 * how.flush + u * how.smallest)
        error = error * (1 + relative) + relative * magnitude + underflow
    of_reference = gamma(reference.terms, reference.roundoff) * reference.magnitude
    return np.broadcast_to(error + of_reference, reference.value.shape)


def prediction_limit(samples: Sequence[float], false_alarm: float = FALSE_ALARM) -> float:
    """What one more sample exceeds with a probability of `false_alarm`, if their logarithms are normal.

    exp(mean + t s sqrt(1 + 1/n)), t of Student's distribution with n - 1 degrees of freedom: G. J. Hahn and W. Q.
    Meeker, "Statistical Intervals", chapter 4. Never below the greatest sample.

    Args:
        samples: two or more that are not negative. Of those that are 0 only the others' law is known.
    """
    logs = np.log([sample for sample in samples if sample > 0])
    n = len(logs)
    if n < 2:
        return max(samples)
    t = -float(stdtrit(n - 1, false_alarm))
    with np.errstate(over="ignore"):
        limit = np.exp(logs.mean() + t * logs.std(ddof=1) * math.sqrt(1 + 1 / n))
    return max(float(limit), *samples)
