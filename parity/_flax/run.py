"""Runs our side of a network or layer, forward and backward, and derives how far rounding may take it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxconv
from parity._bounds import jax_internals as internals
from parity._bounds import rounding
from parity._bounds.tolerance import Arithmetic
from parity._flax.network import Border, Part
from parity._torch import network as torch_network
from parity._torch.network import names

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class _Program:
    """All of a run but its arrays, hashable by value."""

    apply: Callable[..., Any]
    static: Any
    structure: Any
    constants: tuple[Any, ...]
    """What is no floating array, by position; None where one is."""
    buffers: tuple[str, ...]
    border: Border
    options: tuple[tuple[str, Any], ...]

    def __call__(self, moving: Sequence[Any], fixed: Sequence[Any]) -> Any:
        moving_left, fixed_left = iter(moving), iter(fixed)
        fill = {"moving": lambda: next(moving_left), "fixed": lambda: next(fixed_left)}
        leaves = [fill[kind]() if kind in fill else value for kind, value in self.constants]
        held, args, kwargs = jax.tree.unflatten(self.structure, leaves)
        args, kwargs = self.border.inward((args, kwargs))
        result, after = self.apply(self.static, held, args, {**dict(self.options), **kwargs})
        ys = self.border.outward(torch_network.leaves(result, _arrays))
        inexact = [y for y in ys if jnp.issubdtype(y.dtype, jnp.inexact)]
        rest = [y for y in ys if not jnp.issubdtype(y.dtype, jnp.inexact)]
        return inexact, (rest, {name: after[name] for name in self.buffers if name in after})

    def with_gradients(
        self, moving: Sequence[Any], fixed: Sequence[Any], cotangents: Sequence[Any] | None
    ) -> Any:
        """Outputs, the other outputs and buffers, and the gradients of what moves; without cotangents None."""
        if cotangents is None:
            return *self(moving, fixed), None
        ys, vjp, rest = jax.vjp(lambda m: self(m, fixed), moving, has_aux=True)
        if [y.shape for y in ys] != [ct.shape for ct in cotangents]:
            return ys, rest, None
        # A layer in another dtype than torch's is reported by its outputs.
        # JAX transposes linearly, torch conjugates: a complex gradient is the other's conjugate.
        given = [jnp.conj(ct.astype(y.dtype)) for y, ct in zip(ys, cotangents, strict=True)]
        return ys, rest, jax.tree.map(jnp.conj, vjp(given)[0])


def _arrays(leaf: Any) -> list[Any]:
    return [x for x in jax.tree.leaves(leaf) if hasattr(x, "dtype")]


@dataclass(frozen=True)
class Traced:
    """A part with its inputs, ready to run or to analyse: `program.with_gradients(moving, fixed, cotangents)`."""

    part: Part
    program: _Program
    moving: tuple[Any, ...]
    fixed: tuple[Any, ...]

    def name(self, ys: Any, rest: Any, gradients: Any) -> Arrays:
        """The results by the names that `parity._torch.network.run` gives them, without those that are None."""
        other, buffers = rest
        named = dict(zip(names("output", len(ys)), ys, strict=True))
        named |= dict(zip(names("index", len(other)), other, strict=True))
        named |= self.linked("buffer", buffers)
        if gradients is not None:
            held = sum(map(_moves, jax.tree.leaves(self.part.held)))
            of_inputs = gradients[held:]
            named |= {f"grad.{n}": g for n, g in zip(names("input", len(of_inputs)), of_inputs, strict=True)}
            named |= self.linked("grad", self.of_parameters(gradients))
        return {name: np.asarray(a) for name, a in named.items() if a is not None}

    def of_parameters(self, gradients: Sequence[Any]) -> dict[str, Any]:
        """The parameters' gradients by their own names, of all that `program.with_gradients` gives."""
        held, structure = jax.tree.flatten(self.part.held)
        left = iter(gradients)
        # What has no gradient stays what it is, to be passed over.
        filled = [next(left) if _moves(leaf) else leaf for leaf in held]
        tree = self.part.filled(jax.tree.unflatten(structure, filled))
        known = jaxconv.state_dict(tree) if self.part.parameters else {}
        # An exact gradient has no bound, and what is None has no name.
        return {n: known[n] for n in self.part.parameters if n in known and _moves(known[n])}

    def linked(self, kind: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """Arrays of the part, under torch's names with `kind` in front, in torch's layout."""
        of = {link.flax: link for link in self.part.links or ()}
        grouped: dict[str, Any] = {}
        for group in self.part.groups:
            if all(arrays.get(name) is not None for name in group.flax):
                held = [arrays[name] for name in group.flax]
                back = group.gradients(held) if kind == "grad" else group.to_torch(held)
                grouped |= {f"{kind}.{name}": a for name, a in back.items()}
                arrays = {name: a for name, a in arrays.items() if name not in group.flax}
        return grouped | {
            f"{kind}.{of[name].torch if name in of else name}": of[name].to_torch(np.asarray(a))
            if name in of
            else a
            for name, a in arrays.items()
            if a is not None
        }


def _moves(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.inexact)


def trace(part: Part, args: Any, kwargs: Any, buffers: Sequence[str] = ()) -> Traced:
    """Splits what a part holds and is given into floating arrays, other arrays, and constants."""
    leaves, structure = jax.tree.flatten((part.held, tuple(args), dict(kwargs)))
    kinds = [
        ("moving", None)
        if _moves(leaf)
        else ("fixed", None)
        if hasattr(leaf, "dtype")
        else ("constant", leaf)
        for leaf in leaves
    ]

    def select(kind: str) -> tuple[Any, ...]:
        chosen = [leaf for leaf, (k, _) in zip(leaves, kinds, strict=True) if k == kind]
        return tuple(leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf) for leaf in chosen)

    own = {link.torch: link.flax for link in part.links or ()}
    grouped = [name for group in part.groups if set(group.torch) & set(buffers) for name in group.flax]
    buffers = (*(own.get(name, name) for name in buffers), *grouped)
    program = _Program(part.apply, part.static, structure, tuple(kinds), buffers, part.border, part.options)
    return Traced(part, program, select("moving"), select("fixed"))


def run(
    part: Part, args: Any, kwargs: Any, cotangents: Sequence[np.ndarray] | None, buffers: Sequence[str] = ()
) -> Arrays:
    """Runs forward and backward under jit; results by the names of `parity._torch.network.run`.

    Without cotangents, and where the outputs' shapes are not the cotangents', there are no gradients.
    """
    traced = trace(part, args, kwargs, buffers)
    cts = None if cotangents is None else [jnp.asarray(ct) for ct in cotangents]
    return traced.name(*_jitted(traced.program)(traced.moving, traced.fixed, cts))


def _jitted(program: _Program) -> Any:
    """Under jit; equal programs share it, so that one is traced and compiled once for each set of shapes.

    Its results and their bounds follow from one trace.
    """
    try:
        return _shared(program)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _shared.__wrapped__(program)


@lru_cache(maxsize=256)
def _shared(program: _Program) -> Any:
    return jax.jit(partial(_Program.with_gradients, program))


def bounds(
    part: Part,
    args: Any,
    kwargs: Any,
    cotangents: Sequence[np.ndarray] | None,
    buffers: Sequence[str],
    how: Arithmetic,
    constants: float = 0.0,
) -> Arrays:
    """How far rounding may take each floating result of `run`, derived from what the part does.

    `constants` is how far off the tables are that it computes itself (`parity._bounds.rounding.bounds`).

    Raises:
        parity._bounds.rounding.UnknownPrimitive: it does something that no bound is known for.
    """
    traced = trace(part, args, kwargs, buffers)
    cts = None if cotangents is None else [jnp.asarray(ct) for ct in cotangents]
    limits = rounding.bounds(_jitted(traced.program), (traced.moving, traced.fixed, cts), how, constants)
    return traced.name(*limits)


def sums_in_half(part: Part, args: Any, kwargs: Any, cotangents: Sequence[np.ndarray]) -> bool:
    """Whether it adds up in bfloat16 or float16, as JAX does in the gradient of what was broadcast: of Flax's biases.

    1 + 1 + ... is never more than 256 in bfloat16. torch, and jaxconv, accumulate in float32.
    """
    if not cotangents or cotangents[0].dtype.itemsize > 2:
        return False
    traced = trace(part, args, kwargs)
    cts = [jnp.asarray(ct) for ct in cotangents]
    program = jax.make_jaxpr(_jitted(traced.program))(traced.moving, traced.fixed, cts)
    return _sums_in_half(program.jaxpr)


def _sums_in_half(jaxpr: Any) -> bool:
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "reduce_sum" and eqn.invars[0].aval.dtype in (jnp.bfloat16, jnp.float16):
            return True
        if any(map(_sums_in_half, internals.inner_jaxprs(eqn))):
            return True
    return False


@partial(jax.jit, static_argnums=0)
def _forward(program: _Program, moving: Sequence[Any], fixed: Sequence[Any]) -> Any:
    return program(moving, fixed)[0]


def forward(part: Part, args: Sequence[Any]) -> list[np.ndarray]:
    """The floating outputs."""
    traced = trace(part, args, {})
    return [np.asarray(y) for y in _forward(traced.program, traced.moving, traced.fixed)]


def shapes(part: Part, args: Sequence[Any]) -> list[tuple[int, ...]]:
    """Their shapes, without running anything."""
    traced = trace(part, args, {})
    return [tuple(y.shape) for y in jax.eval_shape(traced.program, traced.moving, traced.fixed)[0]]
