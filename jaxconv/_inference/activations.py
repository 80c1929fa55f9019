"""Activations, recognised by the equations that they are made of.

What each is made of is traced from JAX's functions and ours, so a version of JAX that writes one differently is known
as well. Equations become expressions: nested tuples of a primitive's name and its operands, with INPUT for the
activation's argument, and constants as floats.
"""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv import _jax_internals as internals
from jaxconv import functional as F
from jaxconv._inference.flat import Flat

Expression = Any
INPUT = "x"
MOST = 16
"""Equations of an activation."""

_LOW, _HIGH = -0.40625, 2.8125
"""Stand in the traced functions for any numbers."""
_COMMUTATIVE = {"add", "mul", "max", "min", "and", "or", "eq", "ne"}
# fmt: off
_BY_ELEMENT = _COMMUTATIVE | {
    "abs", "clamp", "div", "exp", "ge", "gt", "le", "logistic", "lt", "neg", "not", "select_n", "sub",
}
# fmt: on

_KNOWN: tuple[tuple[str, Callable[[jax.Array], jax.Array], tuple[float | None, float | None]], ...] = (
    ("clamp", jax.nn.relu, (0, math.inf)),
    ("clamp", F.relu, (0, math.inf)),
    ("clamp", lambda x: jnp.maximum(x, _LOW), (None, math.inf)),
    ("clamp", lambda x: jnp.minimum(x, _HIGH), (-math.inf, None)),
    ("clamp", lambda x: jnp.minimum(jnp.maximum(x, _LOW), _HIGH), (None, None)),
    ("clamp", lambda x: jnp.maximum(jnp.minimum(x, _HIGH), _LOW), (None, None)),
    ("clamp", lambda x: lax.clamp(np.float32(_LOW), x, np.float32(_HIGH)), (None, None)),
    ("clamp", lambda x: F.hardtanh(x, _LOW, _HIGH), (None, None)),
    ("clamp", jax.nn.hard_tanh, (-1, 1)),
    ("leaky", lambda x: F.leaky_relu(x, _LOW), (None, math.inf)),
    ("leaky", lambda x: jax.nn.leaky_relu(x, _LOW), (None, math.inf)),
    ("sigmoid", jax.nn.sigmoid, (-math.inf, math.inf)),
    ("silu", lambda x: x * jax.nn.sigmoid(x), (-math.inf, math.inf)),
    ("hardsigmoid", F.hardsigmoid, (-math.inf, math.inf)),
    ("hardsigmoid", jax.nn.hard_sigmoid, (-math.inf, math.inf)),
    ("hardswish", F.hardswish, (-math.inf, math.inf)),
    ("hardswish", jax.nn.hard_swish, (-math.inf, math.inf)),
    ("hardswish", lambda x: x * F.hardsigmoid(x), (-math.inf, math.inf)),
    ("hardswish", lambda x: x * jnp.clip(x + 3, 0, 6) / 6, (-math.inf, math.inf)),
    ("hardswish", lambda x: x * F.hardtanh(x + 3, 0, 6) / 6, (-math.inf, math.inf)),
)
"""Name, function, and the ends: a number, or None where any number may stand."""


def constant(flat: Flat, atom: Any) -> float | None:
    """The number that an operand is, or that all of its elements are; None if it is none."""
    if internals.is_literal(atom):
        return _number(atom.val)
    if atom in flat.constants:
        return _number(flat.constants[atom])
    if (i := flat.maker.get(atom)) is None:
        return None
    eqn = flat.eqns[i]
    if eqn.primitive.name in ("broadcast_in_dim", "reshape", "convert_element_type", "copy"):
        return constant(flat, eqn.invars[0])
    return None


def _number(value: Any) -> float | None:
    if np.size(value) != 1 or not jnp.issubdtype(jnp.result_type(value), jnp.number):
        return None
    return float(np.float32(np.asarray(value).reshape(())))


def expression(eqn: Any, operands: list[Expression]) -> Expression | None:
    """The equation's result; None if it is none of an activation's."""
    name = eqn.primitive.name
    if name not in _BY_ELEMENT:
        return None
    return (name, *(sorted(operands, key=repr) if name in _COMMUTATIVE else operands))


def expressions(
    flat: Flat, start: Any, like: Callable[[Any], bool]
) -> Mapping[Any, tuple[Expression, frozenset[int]]]:
    """What is computed from one variable alone, element by element.

    Args:
        flat: the program.
        start: the variable.
        like: whether a reshape's result has its elements where the variable has them.

    Returns:
        By variable, its expression and the numbers of the equations that compute it.
    """
    found: dict[Any, tuple[Expression, frozenset[int]]] = {start: (INPUT, frozenset())}
    waiting = sorted({*flat.users.get(start, ())})
    seen: set[int] = set()
    while waiting and len(seen) < MOST:
        i = waiting.pop(0)
        if i in seen:
            continue
        seen.add(i)
        eqn = flat.eqns[i]
        if len(eqn.outvars) != 1:
            continue
        own = [found[v] if not internals.is_literal(v) and v in found else None for v in eqn.invars]
        operands = [
            constant(flat, v) if known is None else known[0] for v, known in zip(eqn.invars, own, strict=True)
        ]
        if any(operand is None for operand in operands):
            continue
        (out,) = eqn.outvars
        if eqn.primitive.name in ("reshape", "stop_gradient"):
            result = operands[0] if like(out) else None
        else:
            result = expression(eqn, operands)
        if result is None:
            continue
        found[out] = result, frozenset({i}).union(*(known[1] for known in own if known is not None))
        waiting = sorted({*waiting, *flat.users.get(out, ())} - seen)
    return found


@functools.cache
def _patterns() -> tuple[tuple[str, Expression, tuple[float | None, float | None]], ...]:
    made = []
    for name, function, ends in _KNOWN:
        flat = Flat(function, (jax.ShapeDtypeStruct((2, 3), jnp.float32),))
        (start,) = flat.invars
        known = expressions(flat, start, lambda out: True).get(flat.outvars[0])
        if known is not None:
            made.append((name, known[0], ends))
    return tuple(made)


def recognised(found: Expression) -> tuple[str, float, float] | None:
    """The name of the activation that an expression is, and its ends; None if it is none that is known."""
    for name, pattern, ends in _patterns():
        bound: dict[float, float] = {}
        if _fits(pattern, found, bound):
            low, high = (
                bound.get(at, math.nan) if end is None else end
                for at, end in zip((_LOW, _HIGH), ends, strict=True)
            )
            if not (math.isnan(low) or math.isnan(high) or (name == "clamp" and low > high)):
                return name, float(low), float(high)
    return None


def _fits(pattern: Expression, found: Expression, bound: dict[float, float]) -> bool:
    if pattern in (_LOW, _HIGH):
        return isinstance(found, float) and bound.setdefault(pattern, found) == found
    if isinstance(pattern, tuple) and isinstance(found, tuple):
        return len(pattern) == len(found) and all(
            _fits(a, b, bound) for a, b in zip(pattern, found, strict=True)
        )
    return pattern == found
