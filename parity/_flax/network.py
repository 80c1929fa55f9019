"""Our side of a whole network: what it holds, one function, and its layers by torch's paths."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen, nnx

import jaxconv
from parity._bounds import jax_internals as internals
from parity._flax.layout import Group, Link, flat_order

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Border:
    """What stands between torch's layout and a Flax module's.

    Attributes:
        ranks: inputs of so many dimensions have channels second in torch and last in Flax.
        turned: outputs likewise.
        flat: the shape (C, *size) of the image that the first input is, flattened, if each side counts it its own way.
        outputs: the shapes that torch's outputs have.
    """

    ranks: tuple[int, ...] = ()
    turned: tuple[int, ...] = ()
    flat: tuple[int, ...] | None = None
    outputs: tuple[tuple[int, ...], ...] = ()

    def inward(self, tree: Any) -> Any:
        """Arguments in torch's layout, in Flax's."""
        tree = jax.tree.map(self._last, tree)
        if self.flat is not None:
            (first, *rest), kwargs = tree
            tree = (first[..., flat_order(self.flat)], *rest), kwargs
        return tree

    def _last(self, x: Any) -> Any:
        return jnp.moveaxis(x, 1, -1) if getattr(x, "ndim", 0) in self.ranks else x

    def outward(self, leaves: list[Any]) -> list[Any]:
        """Outputs in torch's layout. One whose shape is torch's only as it stands, stays."""
        moved = []
        for i, y in enumerate(leaves):
            other = jnp.moveaxis(y, -1, 1) if y.ndim in self.turned else y
            want = self.outputs[i] if i < len(self.outputs) else other.shape
            moved.append(y if y.shape == want != other.shape else other)
        return moved


@dataclass(frozen=True)
class Part:
    """A network or a layer: what it is, apart from what it holds, so that equal ones share a compilation.

    Attributes:
        kind: the class's name.
        apply: (static, held, args, kwargs) -> (result, all it holds by name, buffers as they are afterwards).
        static: an NNX graph definition, a Linen module, or a function.
        held: an nnx.State, Linen variables, or a tree of parameters.
        parameters: the names of what takes gradients, with torch's names.
        module: the NNX or Linen module; the function.
        links: which of its arrays is which of torch's, where names or layouts differ.
        border: what is done to inputs and outputs, which are torch's.
        options: keyword arguments that every call gets: `train=False`.
        groups: arrays that hold together what several of torch's hold.
        notes: what should be known of how it is called.
    """

    kind: str
    apply: Callable[..., Any]
    static: Any
    held: Any
    parameters: tuple[str, ...]
    module: Any
    links: tuple[Link, ...] | None = None
    border: Border = Border()
    options: tuple[tuple[str, Any], ...] = ()
    groups: tuple[Group, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def knows_buffers(self) -> bool:
        """Whether it tells parameters from buffers; a tree of arrays does not."""
        return self.apply is not _apply_function

    @property
    def tree(self) -> Any:
        """What it holds, as `jaxconv.state_dict` takes it."""
        return self.filled(self.held)

    @property
    def precision(self) -> Any:
        """The layer's own `precision`, if it has one."""
        return getattr(self.module, "precision", None)

    def filled(self, held: Any) -> Any:
        """The same with `held` in the place of what it holds, for `jaxconv.state_dict`."""
        return nnx.merge(self.static, held) if self.apply is _apply_nnx else held

    def arrays(self) -> dict[str, Any]:
        """What it holds, by its own names."""
        tree = self.tree
        return jaxconv.state_dict(tree) if isinstance(tree, nnx.Pytree) or jax.tree.leaves(tree) else {}

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


@dataclass(frozen=True)
class _Pytree:
    """A function of a pytree of any kind, as Equinox's modules are, that takes the pytree's arrays by name."""

    function: Callable[..., Any]
    structure: Any
    others: tuple[Any, ...]
    names: tuple[str, ...]

    def __call__(self, held: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        arrays = iter(held[name] for name in self.names)
        leaves = [next(arrays) if leaf is None else leaf for leaf in self.others]
        return self.function(jax.tree.unflatten(self.structure, leaves), *args, **kwargs)


def network(model: Any, training: bool | None = None) -> Part:
    """An NNX module, a bound Linen module, a pair (Linen module, variables) or (function, parameters), a pytree.

    Args:
        model: one of these; a pytree is called with the inputs.
        training: the mode of torch's network. What its call takes to be told the mode (`train`, `deterministic`) gets
            it. None where the mode is the module's own affair.

    Raises:
        TypeError: anything else.
    """
    if isinstance(model, nnx.Module):
        return _in_mode(_nnx_part(model), training)
    if isinstance(model, linen.Module) and model.scope is not None:
        model = model.unbind()
    if isinstance(model, tuple) and len(model) == 2:
        module, held = model
        if isinstance(module, linen.Module):
            return _in_mode(_linen_part(module, held), training)
        if callable(module) and not isinstance(module, type):
            if not isinstance(held, Mapping | nnx.State | list | tuple) and jax.tree.leaves(held):
                return _in_mode(replace(_of_pytree(module, held), module=module), training)
            names = tuple(jaxconv.state_dict(held)) if jax.tree.leaves(held) else ()
            kind = getattr(module, "__name__", "function")
            return _in_mode(Part(kind, _apply_function, module, held, names, module), training)
    if callable(model) and not isinstance(model, linen.Module) and not jax.tree_util.all_leaves([model]):
        return _in_mode(_of_pytree(type(model).__call__, model), training)
    hint = ""
    if isinstance(model, linen.Module):
        hint = ": give (module, variables) or module.bind(variables)"
    elif any(c.__module__ == "torch.nn.modules.module" for c in type(model).__mro__):
        hint = " of torch: the torch network is the first argument, the Flax network the second"
    elif model is None:
        hint = ": `model.eval()` and `model.train()` of Flax return None, so call them on a line of their own"
    raise TypeError(
        "`flax_module` must be an NNX module, or a Linen module with variables, or a pair (function, parameters), "
        f"or a pytree that can be called, got {type(model).__name__}{hint}"
    )


def _of_pytree(function: Callable[..., Any], tree: Any) -> Part:
    leaves, structure = jax.tree.flatten_with_path(tree)
    arrays = {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf
        for path, leaf in leaves
        if isinstance(leaf, jax.Array | np.ndarray)
    }
    others = tuple(None if isinstance(leaf, jax.Array | np.ndarray) else leaf for _, leaf in leaves)
    apart = _Pytree(function, structure, others, tuple(arrays))
    return Part(type(tree).__name__, _apply_function, apart, arrays, tuple(arrays), tree)


_TRAINING = ("train", "training", "is_training", "is_train")
_EVALUATING = ("deterministic", "use_running_average", "inference", "eval", "evaluate", "is_eval")


def _in_mode(part: Part, training: bool | None) -> Part:
    """The same, called in torch's mode if it is told the mode by an argument."""
    if training is None or type(part.module).__module__.split(".")[0] in ("flax", "jaxconv"):
        return part
    with suppress(TypeError, ValueError):  # it has no call, or one without a signature
        bound = part.module.keywords if isinstance(part.module, functools.partial) else {}
        taken = [name for name in inspect.signature(part.module).parameters if name not in bound]
        options = {name: training for name in _TRAINING if name in taken}
        options |= {name: not training for name in _EVALUATING if name in taken}
        mode = "training" if training else "eval"
        notes = tuple(
            f"called with {name}={value}: torch's is in {mode} mode" for name, value in options.items()
        )
        return replace(part, options=tuple(options.items()), notes=notes)
    return part


def _nnx_part(module: nnx.Module) -> Part:
    static, held = nnx.split(module)
    # Each variable gets a value of its own to be known by: torch's names are not in the variable.
    marks = nnx.merge(static, jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), held))
    params = {
        id(v.get_raw_value())
        for _, v in nnx.iter_graph(marks)
        if isinstance(v, nnx.Param | jaxconv.FrozenParam)
    }
    names = tuple(name for name, value in jaxconv.state_dict(marks).items() if id(value) in params)
    return Part(type(module).__name__, _apply_nnx, static, held, names, module)


def _linen_part(module: linen.Module, variables: Any) -> Part:
    params = variables.get("params", {})
    names = tuple(jaxconv.state_dict(params)) if jax.tree.leaves(params) else ()
    return Part(type(module).__name__, _apply_linen, module, variables, names, module)


def layers(model: Any, part: Part, inputs: Sequence[np.ndarray]) -> dict[str, Part]:
    """The network's modules by path, with torch's names, holding the weights of `part`; without the network itself.

    A Linen network is run once (abstractly) to see them: compact submodules exist only while it runs.
    """
    if part.apply is _apply_nnx:
        return {name: _nnx_part(module) for name, module in nnx_modules(part.tree, ())}
    if part.apply is _apply_function:
        return {}
    found: dict[str, Part] = {}

    def note(next_function: Any, args: Any, kwargs: Any, context: Any) -> Any:
        if context.method_name == "__call__":
            path, (module, inside) = context.module.path, context.module.unbind()
            # Inside a lifted transform there are only tracers: the arrays are the network's.
            held = {name: _at(part.held[name], path) for name in inside if name in part.held}
            held = {name: tree for name, tree in held.items() if tree is not None}
            options = tuple((k, v) for k, v in kwargs.items() if isinstance(v, bool))
            found.setdefault(".".join(path), replace(_linen_part(module, held), options=options))
        return next_function(*args, **kwargs)

    # A network that does not run is reported elsewhere; the layers that it came to are still judged.
    with linen.intercept_methods(note), suppress(Exception):
        args, _ = part.border.inward((tuple(map(jnp.asarray, inputs)), {}))
        state = [name for name in part.held if name != "params"]
        part.static.apply(part.held, *args, mutable=state, **dict(part.options))
    return found


def _at(tree: Any, path: Sequence[str]) -> Any:
    """A copy of the containers below a path: what they hold is replaced when a layer runs in training mode."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return jax.tree.map(lambda x: x, tree)


def nnx_modules(node: Any, path: tuple[str, ...]) -> Iterator[tuple[str, nnx.Module]]:
    """Each module under every path that leads to it: a shared one has several, as in torch."""
    if isinstance(node, nnx.Module):
        yield ".".join(path), node
    children: list[tuple[Any, Any]]
    if isinstance(node, nnx.Pytree):
        children = internals.nnx_attributes(node)
    elif isinstance(node, Mapping):
        children = list(node.items())
    elif isinstance(node, list | tuple):
        children = list(enumerate(node))
    else:
        return
    for key, child in children:
        # As in torch.nn.Sequential's names, there is no 'layers' between parent and children.
        hidden = key == "layers" and isinstance(node, nnx.Sequential)
        yield from nnx_modules(child, path if hidden else (*path, str(key)))
