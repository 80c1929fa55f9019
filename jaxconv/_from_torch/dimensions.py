"""Arithmetic of sizes with symbolic dimensions of jax.export, which know no fractions."""

import operator
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import Any, NamedTuple

import jax

# For symbolic dimensions comparisons for order tell that they cannot be decided; equality does not.
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "eq": lambda a, b: a >= b and a <= b,
    "ne": lambda a, b: not (a >= b and a <= b),
    "lt": operator.lt,
    "le": operator.le,
    "gt": operator.gt,
    "ge": operator.ge,
}


class _Ratio(NamedTuple):
    """A size over a size, until it is rounded."""

    over: Any
    under: Any


def of_dimensions(op: str, values: list[Any]) -> Any:
    """An operation of a size expression, as `program.evaluate` has it, of which some operands are dimensions.

    Raises:
        ValueError: an operation that jax.export has no dimension for.
    """
    if op in ("max", "min"):
        return reduce(jax.core.max_dim if op == "max" else jax.core.min_dim, values)
    if op in _COMPARISONS:
        return int(bool(_COMPARISONS[op](*values)))
    if op in ("floordiv", "mod", "pow"):
        a, b = values
        return a // b if op == "floordiv" else a % b if op == "mod" else a**b
    ratios = [_ratio(value) for value in values]
    if op in ("add", "mul", "truediv"):
        return _bare(reduce({"add": _sum, "mul": _product, "truediv": _quotient}[op], ratios))
    over, under = ratios[0]
    if op in ("floor", "trunc"):  # sizes are not negative
        return over // under
    if op == "ceil":
        return -(-over // under)
    if op == "number":
        return values[0]
    raise ValueError(
        f"the network computes a size by {op!r}, which symbolic dimensions do not support: export it for one size"
    )


def _ratio(value: Any) -> _Ratio:
    if isinstance(value, _Ratio):
        return value
    if isinstance(value, float):
        fraction = Fraction(value)
        return _Ratio(fraction.numerator, fraction.denominator)
    return _Ratio(value, 1)


def _bare(ratio: _Ratio) -> Any:
    return ratio.over if isinstance(ratio.under, int) and ratio.under == 1 else ratio


def _sum(a: _Ratio, b: _Ratio) -> _Ratio:
    return _Ratio(a.over * b.under + b.over * a.under, a.under * b.under)


def _product(a: _Ratio, b: _Ratio) -> _Ratio:
    return _Ratio(a.over * b.over, a.under * b.under)


def _quotient(a: _Ratio, b: _Ratio) -> _Ratio:
    return _Ratio(a.over * b.under, a.under * b.over)
