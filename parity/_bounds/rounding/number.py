"""A value with the bound on its error, and what one rounding adds to it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from parity._bounds.reference import roundoff
from parity._bounds.tolerance import Arithmetic, confidence, gamma, probable_gamma

_SINGLE = 2.0**-24


@dataclass(frozen=True, eq=False)
class Number:
    """One intermediate result.

    Attributes:
        value: in float64 or complex128; integers and booleans in their own dtype.
        error: how far the computed one may be from it: for a floating dtype a float64 array that broadcasts against
            `value` (for complex numbers, of either part); for integers and booleans a mask of the elements that may
            be anything. None where it is equal bit for bit.
        chosen_from: the two operands where it is the greater or lesser of them.
    """

    value: np.ndarray
    error: np.ndarray | None = None
    chosen_from: "tuple[Number, Number] | None" = None

    @property
    def exact(self) -> bool:
        """Whether it is known exactly."""
        return self.error is None or not self.error.any()

    @property
    def errors(self) -> np.ndarray:
        """The error as an array."""
        kind = bool if self.value.dtype.kind in "biu" else np.float64
        return np.zeros(self.value.shape, kind) if self.error is None else self.error

    @property
    def magnitude(self) -> np.ndarray:
        """|value|, or |real| + |imaginary|, which bounds each part of a product."""
        if self.value.dtype.kind == "c":
            return np.abs(self.value.real) + np.abs(self.value.imag)
        return np.abs(self.value)


@dataclass(frozen=True)
class Step:
    """One equation of a jaxpr, without its operands.

    Attributes:
        primitive: the JAX primitive.
        params: its parameters.
        operands, outputs: the dtypes.
        shapes: the outputs' shapes.
        how: what the function computes in.
    """

    primitive: Any
    params: dict[str, Any]
    operands: tuple[Any, ...]
    outputs: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]
    how: Arithmetic

    @property
    def dtype(self) -> Any:
        """The first output's dtype."""
        return self.outputs[0]

    @property
    def roundoff(self) -> float:
        """Of the output's format, or of the running sums' where that is the narrower: see Arithmetic.narrow.

        But never of a narrower one than the function's arguments and results are stored in: a detour through bfloat16
        is no rounding error of a float32 layer.
        """
        return max(min(roundoff(self.dtype), self.how.store), self.how.accumulate)

    @property
    def underflow(self) -> float:
        """What is lost at the lower end: XLA flushes subnormal numbers to zero; float16's are computed in float32."""
        smallest = float(ml_dtypes.finfo(self.dtype).smallest_normal)
        return roundoff(self.dtype) * smallest + 1.2e-38 if smallest > 1e-30 else smallest

    def round(
        self, value: np.ndarray, error: Any = 0.0, units: float = 1.0, narrow_units: float = 1.0
    ) -> Number:
        """What storing a result adds to the error it has already.

        Args:
            value: the result.
            error: what its operands' errors make of it.
            units: how many roundings the operation has, in units of the roundoff. All but the last happen in float32
                where the format is a narrower one.
            narrow_units: how many of them happen in the format where it is a narrower one.
        """
        own = narrow_units if self.roundoff > _SINGLE else 1.0
        u = own * self.roundoff + (units - 1) * min(self.roundoff, _SINGLE)
        if units == 0:
            return self.finish(value, error)
        size = np.abs(value) + error
        return self.finish(value, error + u * size + self.underflow)

    def finish(self, value: np.ndarray, error: Any) -> Number:
        """The number, where it stays inside the format; an infinity or NaN has no error, for it does not round."""
        largest = float(ml_dtypes.finfo(self.dtype).max)
        error = np.where(np.isnan(error) | (np.abs(value) + error > largest), np.inf, error)
        return Number(value, np.broadcast_to(np.where(np.isfinite(value), error, 0.0), value.shape))

    def representable(self, value: np.ndarray) -> np.ndarray:
        """Where a value is a normal number of the output's format, narrower than float64, or zero."""
        if np.dtype(self.dtype).itemsize // (2 if value.dtype.kind == "c" else 1) >= 8:
            return np.zeros(value.shape, bool)
        same = value.astype(self.dtype).astype(value.dtype) == value
        if value.dtype.kind == "c":
            return same & (value == 0)
        return same & ((np.abs(value) >= float(ml_dtypes.finfo(self.dtype).smallest_normal)) | (value == 0))

    def summation(self, terms: Any, magnitude: np.ndarray, u: float, nearest: bool = True) -> np.ndarray:
        """What accumulating so many terms, of this sum of absolute values, adds to the error."""
        relative = gamma(terms, u)
        if nearest:
            roundings = float(np.sum(np.broadcast_to(terms, magnitude.shape)))
            relative = np.minimum(relative, probable_gamma(terms, u, confidence(roundings, u)))
        return times(relative, magnitude) + np.asarray(terms) * (2 * self.how.flush + self.underflow)


def times(a: Any, b: Any) -> np.ndarray:
    """a b, and 0 where either is 0, whatever the other."""
    return np.where((np.asarray(a) == 0) | (np.asarray(b) == 0), 0.0, np.multiply(a, b))


def wide(dtype: Any) -> np.dtype:
    """What values of this dtype are carried in."""
    if jnp.issubdtype(dtype, jnp.complexfloating):
        return np.dtype(np.complex128)
    return np.dtype(np.float64) if jnp.issubdtype(dtype, jnp.floating) else np.dtype(dtype)


def run(f: Callable[..., Any], *arrays: Any) -> Any:
    """A JAX function on float64 arrays, on the CPU, as NumPy arrays."""
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        return jax.tree.map(np.asarray, f(*(jnp.asarray(a) for a in arrays)))


Rule = Callable[..., Any]
RULES: dict[str, Rule] = {}
"""Primitive -> (step, *operands) -> its result or results, filled by the modules of this package."""


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Enters a rule for these primitives."""

    def enter(f: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, f))
        return f

    return enter
