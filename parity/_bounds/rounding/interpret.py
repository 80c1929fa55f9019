"""Carries out a jaxpr on numbers with errors."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from parity._bounds import jax_internals as internals
from parity._bounds.reference import roundoff
from parity._bounds.rounding import choice, elementwise, movement, scatter, sums, transform
from parity._bounds.rounding.elementwise import FUNCTION_RULES
from parity._bounds.rounding.number import RULES, Number, Step, wide
from parity._bounds.rounding.without import WITHOUT_A_RULE
from parity._bounds.tolerance import Arithmetic

_ = choice, elementwise, scatter, sums, transform  # they fill RULES


class UnknownPrimitive(ValueError):
    """No bound is known: the function has an operation that there is no rule for."""


def bounds(
    function: Callable[..., Any], args: Sequence[Any], arithmetic: Arithmetic, constants: float = 0.0
) -> Any:
    """How far each element of `function(*args)` may be from the exact result.

    Args:
        function: of arrays or trees of them, to arrays or a tree of them; what `jax.make_jaxpr` accepts.
        args: the arguments, in the dtypes the function is to be judged in. They are exact.
        arithmetic: what sums and products are computed in: `tolerance.arithmetic(dtype, platform, precision)`.
            No intermediate result is taken to be rounded to a finer format than its `accumulate`, so that of
            `Arithmetic.narrow` all are rounded to the output's format. Elementary functions are XLA's and torch's on
            the CPU.
        constants: how far, at most, elements of arrays that the function has in itself are from what is meant: tables
            that it computed from its other arguments. Without, each is meant as it stands or was rounded once.

    Returns:
        For each output a float64 array of its shape, for a complex number the bound on either part. None where the
        result is exact: only moved or chosen, an integer or a boolean. Infinite where nothing can be said.

    Raises:
        UnknownPrimitive: an operation without a rule.
    """
    numbers = analyse(function, args, arithmetic, constants)
    return jax.tree.map(lambda n: n.error if n.value.dtype.kind in "fc" else None, numbers)


def analyse(
    function: Callable[..., Any], args: Sequence[Any], arithmetic: Arithmetic, constants: float = 0.0
) -> Any:
    """The tree of `Number`s that `function(*args)` is in float64, each with its bound; arguments as of `bounds`."""
    closed, shape = internals.traced(function, args)
    formats = [x.dtype for x in (*jax.tree.leaves(args), *jax.tree.leaves(shape)) if hasattr(x, "dtype")]
    coarsest = max((roundoff(d) for d in formats if jnp.issubdtype(d, jnp.inexact)), default=arithmetic.store)
    arithmetic = dataclasses.replace(arithmetic, store=coarsest)
    leaves = [_plain(a) for a in jax.tree.leaves(args)]
    inputs = [Number(a.astype(wide(a.dtype), copy=False)) for a in leaves]
    with np.errstate(all="ignore"):
        consts = [_constant(c, arithmetic) for c in closed.consts]
        if constants:
            consts = [
                Number(c.value, c.errors + constants) if c.value.ndim and c.value.dtype.kind in "fc" else c
                for c in consts
            ]
        outputs = _run(closed, inputs, arithmetic, consts)
    return jax.tree.unflatten(jax.tree.structure(shape), outputs)


def _plain(a: Any) -> np.ndarray:
    """An array as NumPy's; a random key as its words."""
    is_key = hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(a) if is_key else a)


def _constant(value: Any, how: Arithmetic) -> Number:
    """A constant of the function: one with few digits is meant as it stands, the others have been rounded."""
    array = _plain(value)
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return Number(array)
    exact = array.astype(wide(array.dtype))
    step = Step(None, {}, (), (array.dtype,), (array.shape,), how)
    digits = jnp.finfo(array.dtype).nmant // 2
    parts = np.stack([exact.real, exact.imag]) if exact.dtype.kind == "c" else exact[None]
    mantissa = np.frexp(parts)[0] * 2.0**digits
    rounded = ((mantissa != np.round(mantissa)) & np.isfinite(parts)).any(0)
    return Number(exact, np.where(rounded, step.round(exact).errors, 0.0) if rounded.any() else None)


def _run(
    jaxpr: Any, inputs: Sequence[Number], how: Arithmetic, consts: Sequence[Any] | None = None
) -> list[Number]:
    """The outputs of a jaxpr; `consts` are its constants where they have been made Numbers already."""
    inner, own = internals.opened(jaxpr)
    numbers: dict[Any, Number] = {}
    for var, const in zip(inner.constvars, own if consts is None else consts, strict=True):
        numbers[var] = const if isinstance(const, Number) else _constant(const, how)
    numbers.update(zip(inner.invars, inputs, strict=True))

    def read(atom: Any) -> Number:
        if internals.is_literal(atom):
            return _constant(np.asarray(atom.val, atom.aval.dtype), how)
        return numbers[atom]

    for eqn in _needed(inner):
        operands = [read(atom) for atom in eqn.invars]
        numbers.update(zip(eqn.outvars, _equation(eqn, operands, how), strict=True))
    return [read(atom) for atom in inner.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The equations that the outputs depend on."""
    wanted = {v for v in jaxpr.outvars if not internals.is_literal(v)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if wanted & set(eqn.outvars):
            kept.append(eqn)
            wanted |= {v for v in eqn.invars if not internals.is_literal(v)}
    return kept[::-1]


def _equation(eqn: Any, operands: list[Number], how: Arithmetic) -> list[Number]:
    name, params = eqn.primitive.name, eqn.params
    if name in CONTROL:
        return CONTROL[name](eqn, operands, how)
    step = Step(
        eqn.primitive,
        params,
        tuple(v.aval.dtype for v in eqn.invars),
        tuple(v.aval.dtype for v in eqn.outvars),
        tuple(v.aval.shape for v in eqn.outvars),
        how,
    )
    function = internals.jax_function(eqn)
    if function in FUNCTION_RULES:
        return [FUNCTION_RULES[function](step, *operands)]
    inner = internals.called(eqn)
    if inner is not None and name not in RULES and name not in movement.PICKS:
        return _run(inner, operands, how)
    if any(jnp.issubdtype(d, jax.dtypes.extended) for d in (*step.operands, *step.outputs)):
        raise UnknownPrimitive(f"no rounding bound is known for random numbers ({name})")
    if name in RULES:
        result = RULES[name](step, *operands)
        return result if isinstance(result, list) else [result]
    integers = not any(jnp.issubdtype(d, jnp.inexact) for d in (*step.operands, *step.outputs))
    if (integers or name in movement.PICKS) and all(x.exact for x in operands):
        return movement.as_it_is(step, *operands)
    what = "of rounded numbers" if name in movement.PICKS else f"({step.operands} -> {step.outputs})"
    why = f": {WITHOUT_A_RULE[name]}" if name in WITHOUT_A_RULE else ""
    raise UnknownPrimitive(f"no rounding bound is known for {name} {what}{why}")


def _platform_index(eqn: Any, operands: list[Number], how: Arithmetic) -> list[Number]:
    return [Number(np.asarray(internals.cpu_branch(eqn), np.int32))]


def _cond(eqn: Any, operands: list[Number], how: Arithmetic) -> list[Number]:
    index, *rest = operands
    if not index.exact:
        raise UnknownPrimitive("no rounding bound is known for cond on a rounded number")
    branches = internals.branches(eqn)
    return _run(branches[int(np.clip(index.value, 0, len(branches) - 1))], rest, how)


def _while(eqn: Any, operands: list[Number], how: Arithmetic) -> list[Number]:
    loop = internals.while_loop(eqn)
    of_condition, rest = operands[: loop.of_condition], operands[loop.of_condition :]
    of_body, state = rest[: loop.of_body], rest[loop.of_body :]
    while True:
        (more,) = _run(loop.condition, [*of_condition, *state], how)
        if not more.exact:
            raise UnknownPrimitive("no rounding bound is known for while on a rounded number")
        if not more.value:
            return state
        state = _run(loop.body, [*of_body, *state], how)


def _scan(eqn: Any, operands: list[Number], how: Arithmetic) -> list[Number]:
    loop = internals.scan(eqn)
    constants, rest = operands[: loop.constants], operands[loop.constants :]
    state, xs = rest[: loop.carry], rest[loop.carry :]
    rows: list[list[Number]] = []
    order = range(loop.length)
    for i in reversed(order) if loop.reverse else order:
        each = [Number(x.value[i], None if x.error is None else x.error[i]) for x in xs]
        out = _run(loop.body, [*constants, *state, *each], how)
        state = out[: loop.carry]
        rows.append(out[loop.carry :])
    if loop.reverse:
        rows.reverse()
    stacked = []
    for column in zip(*rows, strict=True):
        exact = all(x.error is None for x in column)
        stacked.append(
            Number(
                np.stack([x.value for x in column]), None if exact else np.stack([x.errors for x in column])
            )
        )
    return [*state, *stacked]


CONTROL: dict[str, Callable[[Any, list[Number], Arithmetic], list[Number]]] = {
    "platform_index": _platform_index,
    "cond": _cond,
    "while": _while,
    "scan": _scan,
}
"""Primitives that choose or repeat jaxprs."""
