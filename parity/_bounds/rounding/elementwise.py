"""Error bounds of operations on one element at a time."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy import special

from parity._bounds.rounding.number import Number, Step, rule, times, wide

_NOISE = 4 * 2.0**-53
"""Of float64 itself, where a difference of two values is taken for the propagated error."""

UNITS = {
    "acos": 4, "acosh": 5, "asin": 3, "asinh": 4, "atan": 6, "atanh": 4, "cbrt": 5, "cos": 2, "cosh": 26, "erf": 6,
    "erf_inv": 94, "erfc": 67, "exp": 4, "expm1": 7, "log": 2, "log1p": 4, "log2": 3, "logistic": 4,
    "pow": 2, "rsqrt": 4, "sin": 2, "sinh": 26, "sqrt": 2, "tan": 4, "tanh": 7,
}  # fmt: skip
"""The error of these functions on CPUs and on an H200, in units of roundoff.

The greatest that `python -m benchmarks.ulps` found over two million float32 numbers and all of bfloat16's and
float16's, of XLA's with and without its optimisations and of torch's, rounded up; without torch's cosh and sinh, which
overflow early, and its erf in bfloat16.
"""

NARROW_UNITS = {"acos": 2, "acosh": 2, "asinh": 2, "atanh": 2, "log2": 3, "logistic": 3}
"""Likewise, in units of bfloat16's and float16's own roundoff: of what XLA computes in that format, step by step. All
others it computes in float32, and rounds once."""


def _logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else special.expit(x)


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan,
    "atanh": np.arctanh, "cbrt": np.cbrt, "cos": np.cos, "cosh": np.cosh, "erf": special.erf,
    "erf_inv": special.erfinv, "erfc": special.erfc, "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log,
    "log1p": np.log1p, "log2": np.log2, "logistic": _logistic, "rsqrt": lambda x: 1 / np.sqrt(x),
    "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
}  # fmt: skip

_LOWEST = {"acos": -1.0, "acosh": 1.0, "asin": -1.0, "erf_inv": -1.0, "log": 0.0, "log1p": -1.0, "log2": 0.0,
           "rsqrt": 0.0, "sqrt": 0.0}  # fmt: skip
_GREATEST = {"asin": 1.0, "acos": 1.0, "erf_inv": 1.0}


def _propagated(f: Callable[[Any], Any], x: Number, y: np.ndarray, low: float, high: float) -> np.ndarray:
    """How far f of anything within x's error is from y = f(x).

    The greatest difference is at one of the ends, f being monotone or the error small. An analytic function of a
    complex number is looked at in four directions.
    """
    if x.error is None:
        return np.zeros(y.shape)
    if y.dtype.kind == "c" or x.value.dtype.kind == "c":
        radius = 1.5 * x.error
        ends = [x.value + direction * radius for direction in (1, -1, 1j, -1j)]
    else:
        ends = [np.maximum(x.value - x.error, low), np.minimum(x.value + x.error, high)]
    error = np.max([np.abs(f(end) - y) for end in ends], axis=0)
    return np.where(x.error > 0, error + _NOISE * np.abs(y), 0.0)


@rule(*UNITS.keys() & FUNCTIONS.keys())
def _function(step: Step, x: Number) -> Number:
    return _elementary(step, step.primitive.name, x)


def _elementary(step: Step, name: str, x: Number) -> Number:
    f = FUNCTIONS[name]
    y = f(x.value)
    error = _propagated(f, x, y, _LOWEST.get(name, -np.inf), _GREATEST.get(name, np.inf))
    units = UNITS[name] * (2 if y.dtype.kind == "c" else 1)
    return step.round(y, error, units, NARROW_UNITS.get(name, 1))


@rule("exp2")
def _exp2(step: Step, x: Number) -> Number:
    """exp(x log(2)), whose argument is rounded before, in the format of x."""
    error = np.log(2) * (2 * step.roundoff * np.abs(x.value) + x.errors)  # of the product, and of log(2)
    return Number(np.exp2(x.value), _elementary(step, "exp", Number(x.value * np.log(2), error)).error)


@rule("integer_pow", "square")
def _integer_pow(step: Step, x: Number) -> Number:
    power = step.params.get("y", 2)

    def f(v: Any) -> Any:
        return v ** float(power) if v.dtype.kind == "f" else v**power

    y = f(x.value)
    if y.dtype.kind in "iu":
        return integer(y, x)
    if power == 1:
        return Number(y, x.error)
    # Squared and multiplied: less than two products for each bit. A negative power is one division more.
    units = max(2 * (abs(power).bit_length() - 1), 1) + (2 if power < 0 else 0)
    return step.round(y, _propagated(f, x, y, -np.inf, np.inf), units * (4 if y.dtype.kind == "c" else 1))


def _exp_of_minus_square(step: Step, x: Number) -> Number:
    """exp(-x^2), with the square rounded before: the more exact ways to compute it stay within that."""
    y = x.value**2
    square = step.round(y, _propagated(lambda v: v**2, x, y, -np.inf, np.inf))
    return _elementary(step, "exp", Number(-square.value, square.error))


FUNCTION_RULES: dict[str | None, Callable[..., Number]] = {"exp_neg_sq": _exp_of_minus_square}
"""Functions of JAX's own, by name, that it computes with the bits of floating numbers."""


@rule("one_minus_square")
def _one_minus_square(step: Step, x: Number) -> Number:
    """1 - x^2, computed so or as (1 + x) (1 - x)."""
    y = 1 - x.value**2
    if y.dtype.kind in "iu":
        return integer(y, x)
    factors = 4 if y.dtype.kind == "c" else 1
    rounded = step.roundoff * factors * np.maximum(2 * np.abs(y), np.abs(x.value) ** 2)
    return step.round(y, _propagated(lambda v: 1 - v**2, x, y, -np.inf, np.inf) + rounded, factors)


@rule("polynomial")
def _polynomial(step: Step, x: Number, *coefficients: Number) -> Number:
    """By Horner's rule, the coefficient of the highest power last."""
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = _add(step, _mul(step, total, x), coefficient)
    return Number(
        np.broadcast_to(total.value, step.shapes[0]),
        None if total.error is None else np.broadcast_to(total.errors, step.shapes[0]),
    )


@rule("pow")
def _pow(step: Step, x: Number, power: Number) -> Number:
    exponent = power.value.astype(np.float64) if power.value.dtype.kind in "iu" else power.value
    y = x.value**exponent
    error = np.zeros(y.shape)
    if not x.exact:
        low = -np.inf if (exponent == np.round(exponent)).all() else 0.0
        error = _propagated(lambda v: v**exponent, x, y, low, np.inf)
    if not power.exact:
        error = error + times(np.abs(y), np.expm1(np.abs(np.log(np.abs(x.value))) * power.errors))
    return step.round(y, error, UNITS["pow"])


@rule("abs", "neg", "real", "imag", "conj", "sign", "floor", "ceil", "round", "stop_gradient")
def _not_rounded(step: Step, x: Number) -> Number:
    name = step.primitive.name
    if name == "abs" and x.value.dtype.kind == "c":
        y = np.abs(x.value)
        return step.round(y, 1.5 * x.errors, 4)
    functions: dict[str, Callable[[Any], Any]] = {
        "abs": np.abs, "neg": np.negative, "real": np.real, "imag": np.imag, "conj": np.conj,
        "stop_gradient": np.asarray,
    }  # fmt: skip
    if name in functions:
        return Number(functions[name](x.value), x.error)
    # Halves go to even or away from zero.
    even = int(step.params.get("rounding_method", 0)) == 1
    steps: dict[str, Callable[[Any], Any]] = {
        "sign": np.sign, "floor": np.floor, "ceil": np.ceil,
        "round": np.round if even else (lambda v: np.trunc(v + np.copysign(0.5, v))),
    }  # fmt: skip
    f = steps[name]
    y = f(x.value)
    if x.exact or y.dtype.kind in "iub":
        return Number(y, x.error)
    return step.finish(y, np.maximum(np.abs(f(x.value + x.errors) - y), np.abs(f(x.value - x.errors) - y)))


def integer(y: np.ndarray, *operands: Number) -> Number:
    """Modular arithmetic is exact, of what is known."""
    if all(x.exact for x in operands):
        return Number(y)
    return Number(
        y, np.broadcast_to(np.any(np.broadcast_arrays(*(x.errors for x in operands)), axis=0), y.shape)
    )


def _stored(
    step: Step, y: np.ndarray, error: Any, units: float, operands: tuple[Number, ...], certain: Any
) -> Number:
    """Rounded, but where the exact result of exact operands is a number of the format."""
    result = step.round(y, error, units)
    if all(x.exact for x in operands):
        return Number(y, np.where(certain & step.representable(y), 0.0, result.errors))
    return result


@rule("add", "sub", "add_any")
def _add(step: Step, a: Number, b: Number) -> Number:
    with_sign = np.subtract if step.primitive.name == "sub" else np.add
    y = with_sign(a.value, b.value)
    if y.dtype.kind in "biu":
        return integer(y, a, b)
    return _stored(step, y, a.errors + b.errors, 1, (a, b), True)


@rule("mul")
def _mul(step: Step, a: Number, b: Number) -> Number:
    y = a.value * b.value
    if y.dtype.kind in "biu":
        return integer(y, a, b)
    error = times(a.magnitude, b.errors) + times(b.magnitude, a.errors) + 2 * times(a.errors, b.errors)
    if y.dtype.kind == "c":
        # Each part is a sum of two products, which may cancel.
        return step.finish(
            y, error + 3 * step.roundoff * (a.magnitude * b.magnitude + error) + 4 * step.underflow
        )
    return _stored(step, y, error, 1, (a, b), True)


@rule("div")
def _div(step: Step, a: Number, b: Number) -> Number:
    """Two roundings: XLA and torch multiply by the reciprocal where the divisor is a constant."""
    if a.value.dtype.kind in "iu":
        safe = np.where(b.value == 0, 1, b.value)
        quotient = np.abs(a.value) // np.abs(safe) * np.sign(a.value) * np.sign(safe)
        return integer(np.where(b.value == 0, -1, quotient).astype(a.value.dtype), a, b)
    y = a.value / b.value
    size = np.abs(b.value)
    rest = size - 1.5 * b.errors if y.dtype.kind == "c" else size - b.errors
    error = np.where(rest > 0, (a.errors + times(np.abs(y), b.errors)) / np.where(rest > 0, rest, 1), np.inf)
    if y.dtype.kind == "c":
        return step.round(y, 2 * error, 12)
    power_of_two = np.abs(np.frexp(b.value)[0]) == 0.5
    return _stored(step, y, error, 2, (a, b), power_of_two)


@rule("rem")
def _rem(step: Step, a: Number, b: Number) -> Number:
    y = np.fmod(a.value, np.where(b.value == 0, 1, b.value) if a.value.dtype.kind in "iu" else b.value)
    if y.dtype.kind in "iu":
        return integer(y, a, b)
    exact = a.exact and b.exact
    return Number(y, None if exact else np.broadcast_to(np.abs(b.value) + b.errors, y.shape))


@rule("atan2")
def _atan2(step: Step, a: Number, b: Number) -> Number:
    y = np.arctan2(a.value, b.value)
    size = np.hypot(a.value, b.value)
    return step.round(y, (a.errors + b.errors) / size, UNITS["atan"])


@rule("complex")
def _complex(step: Step, re: Number, im: Number) -> Number:
    y = re.value + 1j * im.value
    return Number(y, None if re.exact and im.exact else np.maximum(re.errors, im.errors))


@rule("max", "min")
def _choose(step: Step, a: Number, b: Number) -> Number:
    y = (np.maximum if step.primitive.name == "max" else np.minimum)(a.value, b.value)
    if y.dtype.kind in "biu":
        return integer(y, a, b)
    error = (
        None
        if a.error is None and b.error is None
        else np.broadcast_to(np.maximum(a.errors, b.errors), y.shape)
    )
    return Number(y, error, (a, b))


@rule("clamp")
def _clamp(step: Step, low: Number, x: Number, high: Number) -> Number:
    y = np.minimum(np.maximum(x.value, low.value), high.value)
    if y.dtype.kind in "biu":
        return integer(y, low, x, high)
    if low.error is None and x.error is None and high.error is None:
        return Number(y)
    return Number(
        y, np.broadcast_to(np.max(np.broadcast_arrays(low.errors, x.errors, high.errors), 0), y.shape)
    )


@rule("convert_element_type", "reduce_precision")
def _convert(step: Step, x: Number) -> Number:
    if step.primitive.name == "reduce_precision":
        return step.round(x.value, x.errors, 1)
    to = np.dtype(step.dtype)
    floating = jnp.issubdtype(to, jnp.inexact)
    if not floating:
        if x.value.dtype.kind in "biu":
            return Number(x.value.astype(to), x.error)
        y = x.value.astype(to)
        if x.exact:
            return Number(y)
        ends = [(x.value + sign * x.errors).astype(to) for sign in (-1, 1)]
        return Number(y, np.any([end != y for end in ends], 0))
    of_complex = x.value.dtype.kind == "c" and not jnp.issubdtype(to, jnp.complexfloating)
    y = (x.value.real if of_complex else x.value).astype(wide(to))
    error = x.error
    if x.value.dtype.kind == "b":
        error = None if error is None else error.astype(np.float64)
    elif x.value.dtype.kind in "iu":
        error = None if error is None else np.where(error, np.inf, 0.0)
    same = (y.astype(to).astype(y.dtype) == y) | np.isnan(y)
    if error is None and same.all():
        return Number(y)
    from_float = jnp.issubdtype(step.operands[0], jnp.inexact)
    if from_float and jnp.finfo(step.operands[0]).bits < jnp.finfo(to).bits:
        return Number(y, error)
    result = step.round(y, 0.0 if error is None else error)
    return Number(y, np.where(same, 0.0, result.errors)) if error is None else result
