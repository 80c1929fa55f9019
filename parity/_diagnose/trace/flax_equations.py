"""The Flax network's side, equation by equation."""

import traceback
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from parity._bounds import jax_internals as internals
from parity._diagnose.trace import lines
from parity._diagnose.trace.values import Line, Memory, Step, Trace, Value
from parity._flax import run as flax_run
from parity._flax.network import Part
from parity._judge.end_to_end import wide

_LAYOUT = frozenset(
    [
        *(
            "broadcast_in_dim",
            "reshape",
            "squeeze",
            "expand_dims",
            "transpose",
            "convert_element_type",
            "copy",
        ),
        *("copy_p", "slice", "dynamic_slice", "rev", "gather", "stop_gradient", "reduce_precision", "split"),
        *("unstack", "stack"),
    ]
)
Stack = tuple[Line, ...]


class Raised(NamedTuple):
    """What a Flax network computes until it raises an error, the error, and the user's lines that raise it."""

    trace: Trace
    error: Exception
    lines: Stack


_STEPS = 64
"""Loops of no more steps than that are looked into."""


def trace(
    part: Part,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    limit: int,
    skip: int = 0,
    derived: bool = False,
) -> Trace:
    """Runs a Flax network or layer forward in float64.

    Args:
        part, args, kwargs: as of `parity._flax.run.trace`.
        limit, skip: which values keep their numbers, as of `Memory`.
        derived: whether functions with derivatives of their own stay in one piece, for `gradients`.
    """
    with jax.enable_x64(True):
        given = jax.tree.map(wide, (list(args), dict(kwargs)))
        traced = flax_run.trace(replace(part, held=jax.tree.map(wide, part.held)), *given)
        closed = jax.make_jaxpr(lambda m, f: traced.program(m, f)[0])(traced.moving, traced.fixed)
        given = [*traced.moving, *traced.fixed]
        return _compiled(closed, given, limit, skip, derived) or _evaluated(
            closed, given, limit, skip, derived
        )


def until_it_raises(part: Part, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int) -> Raised:
    """Runs a Flax network that raises an error as far as it goes, in float64.

    Raises:
        ValueError: it raises none.
    """
    caught: list[Exception] = []

    def program(moving: Any, fixed: Any) -> list[Any]:
        try:
            traced.program(moving, fixed)
        except Exception as error:  # whatever the network's code raises
            caught.append(error)
        return []

    with jax.enable_x64(True):
        given = jax.tree.map(wide, (list(args), dict(kwargs)))
        traced = flax_run.trace(replace(part, held=jax.tree.map(wide, part.held)), *given)
        closed = jax.make_jaxpr(program)(traced.moving, traced.fixed)
        if not caught:
            raise ValueError("the Flax network raises no error")
        found = _evaluated(closed, [*traced.moving, *traced.fixed], limit, 0, False)
    frames = [
        (f.f_code.co_filename, number) for f, number in traceback.walk_tb(caught[0].__traceback__) if number
    ]
    return Raised(found, caught[0], lines.users(reversed(frames)))


def structure(part: Part, args: Sequence[Any]) -> Trace | None:
    """The equations without their numbers; None if a number decides on the way."""
    traces: list[Trace] = []

    def run(given: Sequence[Any]) -> list[Any]:
        traces.append(_evaluated(closed, given, 0, 0, False))
        return []

    try:
        with jax.enable_x64(True):
            traced = flax_run.trace(
                replace(part, held=jax.tree.map(wide, part.held)), jax.tree.map(wide, list(args)), {}
            )
            closed = jax.make_jaxpr(lambda m, f: traced.program(m, f)[0])(traced.moving, traced.fixed)
            jax.eval_shape(run, [*traced.moving, *traced.fixed])
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        return None
    return traces[-1]


def _evaluated(jaxpr: Any, given: Sequence[Any], limit: int, skip: int, derived: bool) -> Trace:
    evaluation = _Evaluation(limit, skip, derived)
    evaluation.trace.leaves = [Value(x, True) for x in given]
    evaluation.trace.outputs = evaluation.run(jaxpr, evaluation.trace.leaves)
    return evaluation.trace


def _compiled(jaxpr: Any, given: Sequence[Any], limit: int, skip: int, derived: bool) -> Trace | None:
    """The same in one program, which compiles faster.

    None if not all values are kept, or if a number decides on the way.
    """
    traces: list[Trace] = []

    def run(given: Sequence[Any]) -> list[Any]:
        traces.append(_evaluated(jaxpr, given, limit, skip, derived))
        return [value.data for value in traces[-1].values()]

    try:
        numbers = jax.jit(run)(given)
    except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
        return None
    for value, data in zip(traces[-1].values(), numbers, strict=True):
        value.data = data
    return traces[-1]


class _Evaluation:
    def __init__(self, limit: int, skip: int, derived: bool):
        self.trace, self.derived = Trace(), derived
        self.memory = Memory(self.trace, limit, skip)

    def run(
        self, jaxpr: Any, inputs: Sequence[Value], caller: Stack = (), inside_library: bool = False
    ) -> list[Value]:
        """The outputs of a jaxpr that these lines call."""
        inner, constants = internals.opened(jaxpr)
        values: dict[Any, Value] = {}
        atoms = [atom for eqn in inner.eqns for atom in eqn.invars] + list(inner.outvars)
        uses = Counter(atom for atom in atoms if not internals.is_literal(atom))

        def write(var: Any, value: Value) -> None:
            values[var] = value
            value.pending += uses[var]

        def read(atom: Any) -> Value:
            if internals.is_literal(atom):
                return Value(_wide(np.asarray(atom.val, atom.aval.dtype)), False)
            values[atom].pending -= 1
            return values[atom]

        for var, constant in zip(inner.constvars, constants, strict=True):
            write(var, Value(_wide(constant), False))
        for var, value in zip(inner.invars, inputs, strict=True):
            write(var, value)
        for eqn in inner.eqns:
            own = () if inside_library else lines.users(internals.frames(eqn))
            # A function that is compiled is traced once: outside it, the frames may be another caller's.
            stack = (*own[:1], *caller) if caller else own
            given = [values[v] if not internals.is_literal(v) else read(v) for v in eqn.invars]
            results = self.equation(eqn, given, stack)
            for var, value in zip(eqn.outvars, results, strict=True):
                write(var, value)
            for atom in eqn.invars:
                _ = None if internals.is_literal(atom) else read(atom)
            for value in (*given, *results):
                value.forget()
        return [read(atom) for atom in inner.outvars]

    def equation(self, eqn: Any, inputs: list[Value], stack: Stack) -> list[Value]:
        """The outputs of an equation."""
        name = eqn.primitive.name
        if name == "scan" and internals.scan(eqn).length <= _STEPS:
            return self.scan(internals.scan(eqn), inputs, stack)
        if name == "cond" and not any(x.data is None for x in inputs[:1]):
            branches = internals.branches(eqn)
            index = int(np.clip(inputs[0].data, 0, len(branches) - 1))
            return self.called(branches[index], inputs[1:], stack)
        if name == "platform_index":
            return [Value(np.asarray(internals.cpu_branch(eqn), np.int32), False)]
        inner = internals.called(eqn)
        whole = name in ("scan", "while") or (self.derived and name.startswith("custom_"))
        if inner is not None and not whole:
            return self.called(inner, inputs, stack)
        return self.step(name, eqn.params, inputs, partial(_computed, eqn), stack)

    def called(self, jaxpr: Any, inputs: Sequence[Value], stack: Stack) -> list[Value]:
        file = internals.user_function(jaxpr)
        return self.run(jaxpr, inputs, stack, not file or lines.is_library(file))

    def step(
        self, name: str, params: Any, inputs: list[Value], compute: Callable[..., Any], stack: Stack
    ) -> list[Value]:
        moves = any(x.moves for x in inputs)
        outputs = [Value(y, moves) for y in compute([x.data for x in inputs])]
        self.trace.add(Step(name, inputs, outputs, stack, name in _LAYOUT, "", compute, params=dict(params)))
        self.memory.keep(outputs)
        return outputs

    def scan(self, loop: internals.Scan, inputs: list[Value], stack: Stack) -> list[Value]:
        constants, rest = inputs[: loop.constants], inputs[loop.constants :]
        state, scanned = rest[: loop.carry], rest[loop.carry :]
        rows: list[list[Value]] = []
        order = range(loop.length)
        for i in reversed(order) if loop.reverse else order:
            each = [self.step("slice", {}, [x], lambda xs, i=i: [xs[0][i]], stack)[0] for x in scanned]
            out = self.called(loop.body, [*constants, *state, *each], stack)
            state = out[: loop.carry]
            rows.append(out[loop.carry :])
        if loop.reverse:
            rows.reverse()
        stacked = [
            self.step("stack", {}, list(column), lambda xs: [jnp.stack(xs)], stack)[0]
            for column in zip(*rows, strict=True)
        ]
        return [*state, *stacked]


def gradients(trace: Trace, cotangents: Sequence[np.ndarray]) -> dict[Value, np.ndarray]:
    """The gradients with respect to all that a network computes, or is given; of a trace with `derived`."""
    values = [value for value in trace.values() if value.floating]

    def outputs(added: Sequence[Any]) -> list[Any]:
        more = dict(zip(values, added, strict=True))
        new = {value: value.data + more[value] for value in trace.leaves if value in more}
        for step in trace.steps:
            results = step.compute([new.get(x, x.data) for x in step.inputs])
            for value, result in zip(step.outputs, results, strict=True):
                new[value] = result + more[value] if value in more else result
        return [new.get(y, y.data) for y in trace.outputs]

    with jax.enable_x64(True):
        nothing = [jnp.zeros(value.shape) for value in values]
        given = [jnp.asarray(ct, jnp.float64) for ct in cotangents]
        _, backward = jax.vjp(outputs, nothing)
        return dict(zip(values, map(np.asarray, backward(given)[0]), strict=True))


def _wide(x: Any) -> Any:
    """An array in float64 or complex128, if it is floating or complex; a tracer stays one."""
    if jnp.issubdtype(x.dtype, jax.dtypes.extended):
        return x
    dtype = _widest(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else x.dtype
    return x.astype(dtype) if isinstance(x, jax.core.Tracer) else np.asarray(x, dtype)


def _computed(eqn: Any, operands: Sequence[Any]) -> list[Any]:
    """The numbers in float64, also of what the network casts to a narrower format."""
    try:
        return list(
            map(_wide, internals.evaluate(eqn, operands, {k: _widest(v) for k, v in eqn.params.items()}))
        )
    except (TypeError, ValueError, NotImplementedError):  # it takes no float64
        narrow = [
            x.astype(v.aval.dtype) if jnp.issubdtype(v.aval.dtype, jnp.floating) else x
            for x, v in zip(operands, eqn.invars, strict=True)
        ]
        return list(map(_wide, internals.evaluate(eqn, narrow, eqn.params)))


def _widest(param: Any) -> Any:
    if (
        not isinstance(param, np.dtype | type)
        or param in (int, float, bool, complex)
        or not jnp.issubdtype(param, jnp.inexact)
    ):
        return param
    return np.dtype(np.complex128 if jnp.issubdtype(param, jnp.complexfloating) else np.float64)
