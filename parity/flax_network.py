"""Our side of a whole network: what it holds, one function, and its layers by torch's paths."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

import jaxconv
from parity import rounding
from parity.tolerance import Arithmetic

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Part:
    """A network or a layer: what it is, apart from what it holds, so that equal ones share a compilation.

    Attributes:
        kind: the class's name.
        apply: (static, held, args, kwargs) -> (result, all it holds by name, buffers as they are afterwards).
        static: an NNX graph definition, a Linen module, or a function.
        held: an nnx.State, Linen variables, or a tree of parameters.
        parameters: the names of what takes gradients, with torch's names.
        precision: the layer's own `precision`, if it has one.
    """

    kind: str
    apply: Callable[..., Any]
    static: Any
    held: Any
    parameters: tuple[str, ...]
    precision: Any = None

    @property
    def tree(self) -> Any:
        """What it holds, as `jaxconv.state_dict` takes it."""
        return nnx.merge(self.static, self.held) if self.apply is _apply_nnx else self.held

    def with_weights(self, weights: Any) -> "Part":
        """The same with the weights of a torch state_dict."""
        new = jaxconv.load_state_dict(self.tree, weights)
        return replace(self, held=nnx.state(new) if self.apply is _apply_nnx else new)


def _apply_nnx(static: Any, held: Any, args: Any, kwargs: Any) -> Any:
    module = nnx.merge(static, held)
    result = module(*args, **kwargs)
    return result, jaxconv.state_dict(module)


def _apply_linen(static: Any, held: Any, args: Any, kwargs: Any) -> Any:
    state = [name for name in held if name != "params"]
    result, updated = static.apply(held, *args, mutable=state, **kwargs)
    return result, jaxconv.state_dict({**held, **updated}) if held else {}


def _apply_function(static: Any, held: Any, args: Any, kwargs: Any) -> Any:
    return static(held, *args, **kwargs), jaxconv.state_dict(held) if jax.tree.leaves(held) else {}


def network(model: Any) -> Part:
    """An NNX module, a bound Linen module, a pair (Linen module, variables), or a pair (function, parameters).

    Raises:
        TypeError: anything else.
    """
    if isinstance(model, nnx.Module):
        return _nnx_part(model)
    if isinstance(model, linen.Module) and model.scope is not None:
        model = model.unbind()
    if isinstance(model, tuple) and len(model) == 2:
        module, held = model
        if isinstance(module, linen.Module):
            return _linen_part(module, held)
        if callable(module) and not isinstance(module, type):
            names = tuple(jaxconv.state_dict(held)) if jax.tree.leaves(held) else ()
            return Part(getattr(module, "__name__", "function"), _apply_function, module, held, names)
    hint = ": give (module, variables) or module.bind(variables)" if isinstance(model, linen.Module) else ""
    raise TypeError(
        "`flax_module` must be an NNX module, or a Linen module with variables, or a pair (function, parameters), "
        f"got {type(model).__name__}{hint}"
    )


def _nnx_part(module: nnx.Module) -> Part:
    static, held = nnx.split(module)
    # Each variable gets a value of its own to be known by: torch's names are not in the variable.
    marks = nnx.merge(static, jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), held))
    params = {id(v.get_raw_value()) for _, v in nnx.iter_graph(marks) if isinstance(v, nnx.Param)}
    names = tuple(name for name, value in jaxconv.state_dict(marks).items() if id(value) in params)
    return Part(type(module).__name__, _apply_nnx, static, held, names, getattr(module, "precision", None))


def _linen_part(module: linen.Module, variables: Any) -> Part:
    params = variables.get("params", {})
    names = tuple(jaxconv.state_dict(params)) if jax.tree.leaves(params) else ()
    return Part(
        type(module).__name__, _apply_linen, module, variables, names, getattr(module, "precision", None)
    )


def layers(model: Any, part: Part, inputs: Sequence[np.ndarray]) -> dict[str, Part]:
    """The network's modules by path, with torch's names, holding the weights of `part`; without the network itself.

    A Linen network is run once (abstractly) to see them: compact submodules exist only while it runs.
    """
    if part.apply is _apply_nnx:
        return {name: _nnx_part(module) for name, module in _nnx_modules(part.tree, ())}
    if part.apply is _apply_function:
        return {}
    found: dict[str, Part] = {}

    def note(next_function: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if context.method_name == "__call__":
            path = ".".join(context.module.path)
            found.setdefault(path, _linen_part(*context.module.unbind()))
        return next_function(*args, **kwargs)

    # A network that does not run is reported elsewhere; the layers that it came to are still judged.
    with linen.intercept_methods(note), suppress(Exception):
        part.static.apply(
            part.held, *map(jnp.asarray, inputs), mutable=[name for name in part.held if name != "params"]
        )
    return found


def _nnx_modules(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, nnx.Module]]:
    """Each module under every path that leads to it: a shared one has several, as in torch."""
    if isinstance(node, nnx.Module):
        yield ".".join(path), node
    children: list[tuple[Any, Any]]
    if isinstance(node, nnx.Pytree):
        children = [(k, v) for k, v in vars(node).items() if not k.startswith("_pytree__")]
    elif isinstance(node, Mapping):
        children = list(node.items())
    elif isinstance(node, list | tuple):
        children = list(enumerate(node))
    else:
        return
    for key, child in children:
        # As in torch.nn.Sequential's names, there is no 'layers' between parent and children.
        hidden = key == "layers" and isinstance(node, nnx.Sequential)
        yield from _nnx_modules(child, path if hidden else (*path, str(key)))


@dataclass(frozen=True)
class _Program:
    """All of a run but its arrays, hashable by value."""

    apply: Callable[..., Any]
    static: Any
    structure: Any
    constants: tuple[Any, ...]
    """What is no floating array, by position; None where one is."""
    parameters: tuple[str, ...]
    buffers: tuple[str, ...]

    def __call__(self, moving: Sequence[Any], fixed: Sequence[Any]) -> Any:
        moving_left, fixed_left = iter(moving), iter(fixed)
        fill = {"moving": lambda: next(moving_left), "fixed": lambda: next(fixed_left)}
        leaves = [fill[kind]() if kind in fill else value for kind, value in self.constants]
        held, args, kwargs = jax.tree.unflatten(self.structure, leaves)
        result, after = self.apply(self.static, held, args, kwargs)
        ys = [y for y in jax.tree.leaves(result) if hasattr(y, "dtype")]
        inexact = [y for y in ys if jnp.issubdtype(y.dtype, jnp.inexact)]
        rest = [y for y in ys if not jnp.issubdtype(y.dtype, jnp.inexact)]
        return inexact, (rest, {name: after[name] for name in self.buffers if name in after})

    def with_gradients(self, moving: Sequence[Any], fixed: Sequence[Any], cotangents: Sequence[Any]) -> Any:
        """Outputs, the other outputs and buffers, and the gradients of what moves."""
        ys, vjp, rest = jax.vjp(lambda m: self(m, fixed), moving, has_aux=True)
        if [y.shape for y in ys] != [ct.shape for ct in cotangents]:
            return ys, rest, None
        # A layer in another dtype than torch's is reported by its outputs.
        return ys, rest, vjp([ct.astype(y.dtype) for y, ct in zip(ys, cotangents, strict=True)])[0]


_run = jax.jit(_Program.with_gradients, static_argnums=0)


@dataclass(frozen=True)
class Traced:
    """A part with its inputs, ready to run or to analyse: `function(moving, fixed, cotangents)`."""

    program: _Program
    moving: tuple[Any, ...]
    fixed: tuple[Any, ...]
    unflatten: Callable[[Sequence[Any]], tuple[Any, Any, Any]]

    def name(self, ys: Any, rest: Any, gradients: Any) -> dict[str, Any]:
        """The results by the names that `parity.torch_network.run` gives them."""
        other, buffers = rest
        named = dict(zip(_names("output", len(ys)), ys, strict=True))
        named |= dict(zip(_names("index", len(other)), other, strict=True))
        named |= {f"buffer.{name}": b for name, b in buffers.items()}
        if gradients is None:
            return named
        held, args, kwargs = self.unflatten(gradients)
        inputs = [g for g in jax.tree.leaves((args, kwargs)) if g is not None]
        named |= {f"grad.{n}": g for n, g in zip(_names("input", len(inputs)), inputs, strict=True)}
        tree = nnx.merge(self.program.static, held) if self.program.apply is _apply_nnx else held
        known = jaxconv.state_dict(tree) if self.program.parameters else {}
        # An exact gradient has no bound, and what is None has no name.
        return named | {f"grad.{name}": known[name] for name in self.program.parameters if name in known}


def trace(part: Part, args: Any, kwargs: Any, buffers: Sequence[str] = ()) -> Traced:
    """Splits what a part holds and is given into floating arrays, other arrays, and constants."""
    leaves, structure = jax.tree.flatten((part.held, tuple(args), dict(kwargs)))
    kinds: list[tuple[str, Any]] = []
    for leaf in leaves:
        if not hasattr(leaf, "dtype"):
            kinds.append(("constant", leaf))
        else:
            kinds.append(("moving" if jnp.issubdtype(leaf.dtype, jnp.inexact) else "fixed", None))

    def select(kind: str) -> tuple[Any, ...]:
        return tuple(
            leaf if isinstance(leaf, jax.Array) else jnp.asarray(leaf)
            for leaf, (k, _) in zip(leaves, kinds, strict=True)
            if k == kind
        )

    def unflatten(gradients: Sequence[Any]) -> Any:
        left = iter(gradients)
        # What has no gradient stays what it is among what is held, and is None among the inputs.
        size = len(jax.tree.leaves(part.held))
        filled = [
            next(left) if kind == "moving" else (leaf if i < size else None)
            for i, (leaf, (kind, _)) in enumerate(zip(leaves, kinds, strict=True))
        ]
        return jax.tree.unflatten(structure, filled)

    program = _Program(part.apply, part.static, structure, tuple(kinds), part.parameters, tuple(buffers))
    return Traced(program, select("moving"), select("fixed"), unflatten)


def _names(kind: str, count: int) -> list[str]:
    return [kind] if count == 1 else [f"{kind}.{i}" for i in range(count)]


def run(
    part: Part, args: Any, kwargs: Any, cotangents: Sequence[np.ndarray], buffers: Sequence[str] = ()
) -> Arrays:
    """Runs forward and backward under jit; results by the names of `parity.torch_network.run`.

    Where the outputs' shapes are not the cotangents', there are no gradients.
    """
    traced = trace(part, args, kwargs, buffers)
    cts = [jnp.asarray(ct) for ct in cotangents]
    try:
        hash(traced.program)
        results = _run(traced.program, traced.moving, traced.fixed, cts)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        results = jax.jit(partial(_Program.with_gradients, traced.program))(traced.moving, traced.fixed, cts)
    return {name: np.asarray(a) for name, a in traced.name(*results).items()}


def bounds(
    part: Part,
    args: Any,
    kwargs: Any,
    cotangents: Sequence[np.ndarray],
    buffers: Sequence[str],
    how: Arithmetic,
) -> Arrays:
    """How far rounding may take each floating result of `run`, derived from what the part does.

    Raises:
        parity.rounding.UnknownPrimitive: it does something that no bound is known for.
    """
    traced = trace(part, args, kwargs, buffers)
    cts = [jnp.asarray(ct) for ct in cotangents]
    limits = rounding.bounds(
        partial(_Program.with_gradients, traced.program), (traced.moving, traced.fixed, cts), how
    )
    return {name: np.asarray(a) for name, a in traced.name(*limits).items() if a is not None}
