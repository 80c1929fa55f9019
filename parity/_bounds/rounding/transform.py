"""Error bounds of transforms along whole axes: Fourier's, and running sums of exponentials."""

import math

import numpy as np

from parity._bounds.rounding.elementwise import UNITS
from parity._bounds.rounding.number import Number, Step, rule, run


def _prime_factors(n: int) -> list[int]:
    factors, p = [], 2
    while n > 1:
        while n % p == 0:
            factors.append(p)
            n //= p
        p = p + 1 if p * p <= n else n
    return factors


def _fft_relative_error(lengths: tuple[int, ...], u: float) -> float:
    """The error of a fast Fourier transform of these lengths, as a share of its result's 2-norm.

    One stage for each prime factor p: sums of p products, sqrt(2) (p + 2) sqrt(p) u, and the multiplication by the
    stage's weights, (1 + 4 sqrt(2)) u. For p = 2 this is Higham, "Accuracy and Stability of Numerical Algorithms", 2nd
    ed., theorem 24.2. Transforms of long prime lengths as convolutions (Bluestein) stay below the sums of p products.
    """
    factors = [p for n in lengths for p in _prime_factors(n)]
    total = sum(math.sqrt(2 * p) * (p + 2) + 1 + 4 * math.sqrt(2) for p in factors) * u
    return total / (1 - total) if total < 1 else math.inf


@rule("fft")
def _fft(step: Step, x: Number) -> Number:
    lengths = tuple(step.params["fft_lengths"])
    kind = str(getattr(step.params["fft_type"], "name", step.params["fft_type"])).rpartition(".")[2].upper()
    y = run(lambda a: step.primitive.bind(a, **step.params), x.value)
    axes, points = tuple(range(-len(lengths), 0)), math.prod(lengths)
    scale = 1 / points if kind in ("IFFT", "IRFFT") else 1.0
    mirrored = 2.0 if kind == "IRFFT" else 1.0  # half of the spectrum is given, all of it is summed
    # Each part of a number has the error; its product with a weight has up to sqrt(2) of it in either part.
    moved = math.sqrt(2) * mirrored * scale * x.errors.sum(axes, keepdims=True)
    # By Parseval's theorem the result's norm is the operand's.
    size = np.sqrt((((x.magnitude + x.errors) ** 2) * mirrored).sum(axes, keepdims=True) * points) * scale
    error = moved + _fft_relative_error(lengths, step.roundoff) * (size + math.sqrt(points) * moved)
    return step.finish(y, np.broadcast_to(error + step.underflow, y.shape))


@rule("cumlogsumexp")
def _cumlogsumexp(step: Step, x: Number) -> Number:
    """The maximum of two numbers plus log1p(exp(-|difference|)), again and again."""
    axis, reverse = step.params["axis"], step.params["reverse"]

    def along(f: np.ufunc, a: np.ndarray) -> np.ndarray:
        return np.flip(f.accumulate(np.flip(a, axis), axis), axis) if reverse else f.accumulate(a, axis)

    y = along(np.logaddexp, x.value)
    # An infinity, such as that of a masked element, does not round.
    size = along(np.maximum, np.maximum(*(np.where(np.isfinite(v), np.abs(v), 0.0) for v in (y, x.value))))
    # One step: the sum is rounded, the difference (d exp(-d) < 1/2), the exponential and the logarithm (at most log 2).
    once = step.roundoff * (2 * size + 1 + UNITS["exp"] + UNITS["log1p"])
    return step.finish(y, along(np.maximum, x.errors) + x.value.shape[axis] * once)
