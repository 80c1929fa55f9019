"""Error bounds of comparisons, logic and selection: what may come out the other way round."""

import numpy as np

from parity._bounds.rounding.elementwise import integer
from parity._bounds.rounding.number import Number, Step, rule


@rule("is_finite")
def _is_finite(step: Step, x: Number) -> Number:
    return Number(np.isfinite(x.value), None if x.exact else np.isinf(x.errors))


_COMPARISONS = {"eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater,
                "ge": np.greater_equal, "lt_to": np.less, "le_to": np.less_equal, "eq_to": np.equal}  # fmt: skip


@rule(*_COMPARISONS)
def _compare(step: Step, a: Number, b: Number) -> Number:
    """A comparison may go either way where its operands are no farther apart than their errors."""
    name = step.primitive.name
    if name == "eq":
        # Whether x == max(x, y): as x is rounded before it is chosen, this asks for x >= y and nothing else.
        for x, z in ((a, b), (b, a)):
            if z.chosen_from is not None and any(x is c for c in z.chosen_from):
                (other,) = [c for c in z.chosen_from if c is not x] or [x]
                y = x.value == z.value
                close = np.abs(x.value - other.value) <= x.errors + other.errors
                known = (x.exact and other.exact) or x is other
                return Number(y, None if known else np.broadcast_to(close, y.shape))
    y = _COMPARISONS[name](a.value, b.value)
    if a is b or (a.exact and b.exact):
        return Number(y)
    if a.value.dtype.kind in "biu":
        return integer(y, a, b)
    return Number(y, np.broadcast_to(np.abs(a.value - b.value) <= a.errors + b.errors, y.shape))


@rule("select_n")
def _select(step: Step, which: Number, *cases: Number) -> Number:
    y = cases[0].value
    error = None if all(c.error is None for c in cases) else np.broadcast_to(cases[0].errors, y.shape)
    for i, case in enumerate(cases[1:], 1):
        here = which.value == i
        y = np.where(here, case.value, y)
        error = None if error is None else np.where(here, case.errors, error)
    if which.exact:
        return Number(y, error)
    either = np.broadcast_to(which.errors, y.shape)
    if y.dtype.kind in "biu":
        differ = np.any([c.value != y for c in cases], 0)
        return Number(y, (either & differ) | (False if error is None else error))
    farthest = np.max([np.where(c.value == y, 0, np.abs(c.value - y)) + c.errors for c in cases], 0)
    return step.finish(y, np.where(either, farthest, 0.0 if error is None else error))


_LOGIC = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


@rule(*_LOGIC)
def _logic(step: Step, a: Number, b: Number) -> Number:
    f = _LOGIC[step.primitive.name]
    y = f(a.value, b.value)
    if y.dtype.kind != "b" or step.primitive.name == "xor" or (a.exact and b.exact):
        return integer(y, a, b)
    never = f(a.value & ~a.errors, b.value & ~b.errors)
    always = f(a.value | a.errors, b.value | b.errors)
    return Number(y, never != always)


@rule("not")
def _not(step: Step, a: Number) -> Number:
    return Number(~a.value, a.error)
