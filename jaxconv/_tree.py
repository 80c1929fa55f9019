"""A parameter tree of any kind, seen as torch's flat names: 'layer1.0.weight' -> array.

The kinds: an NNX module (or any other nnx.Pytree), an nnx.State, a Linen variables dict, and a bare nested
dict of parameters. One sort gives all of them torch's order: a module's parameters, buffers, child modules.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np
from flax import nnx
from flax.core.meta import AxisMetadata

from jaxconv import _jax_internals as internals
from jaxconv._layers.lazy import UninitializedParameter
from jaxconv.nn.containers import Container
from jaxconv.nn.frozen import FrozenParam

Tree = TypeVar("Tree")

# Flax and JAX sort keys, so where a module's own order is lost these come first, as torch registers them.
_FIRST = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")

# torch's own names for buffers.
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")

# What torch would not save: random streams, and what one forward pass leaves behind.
_TRANSIENT_VARIABLES = (nnx.RngState, nnx.Intermediate, nnx.Cache)
_TRANSIENT_COLLECTIONS = ("intermediates", "perturbations", "cache")


class _Leaf(NamedTuple):
    path: tuple[str, ...]
    holder: Any  # the nnx.Variable, the Linen box, or the array itself
    is_buffer: bool


def named_leaves(tree: Any) -> dict[str, jax.Array]:
    """Every parameter and buffer of `tree` under its dotted torch name, in torch's order.

    Tied variables are listed under each of their names, with the same array object, as torch does.
    Not listed: random state, intermediates, perturbations, caches, None, and a module's bare array attributes
    (torch's plain tensor attributes; use nnx.Param, or nnx.BatchStat for a buffer). The 'layers' that
    nnx.Sequential puts between itself and its children is no part of the name in torch, nor here; but an
    nnx.State does not tell which of its nodes was a Sequential, and keeps it.

    Raises:
        TypeError: `tree`, a key or a leaf is of a kind that has no torch name.
        ValueError: two leaves have one name, or a container contains itself.
    """
    return {name: _array(leaf.holder) for name, leaf in _leaves(tree).items()}


def with_leaves(tree: Tree, new: Mapping[str, Any]) -> Tree:
    """A tree of the same kind with the arrays in `new`; the others are shared with `tree`, which stays as is.

    Ties between variables and modules, the order of attributes, and sharding metadata are kept. One name of a
    tied variable sets them all. Shapes and dtypes are the caller's to check.

    Raises:
        TypeError: as `named_leaves`.
        ValueError: as `named_leaves`; an unknown name; different arrays for two names of one tied variable.
    """
    leaves = _leaves(tree)
    if unknown := [name for name in new if name not in leaves]:
        known = ", ".join(map(repr, leaves)) or "none"
        raise ValueError(f"unknown name(s) {', '.join(map(repr, unknown))}; the tree's names are: {known}")
    values: dict[Any, Any] = {}  # by the identity of a variable, else by path
    tied: dict[int, str] = {}
    for name, value in new.items():
        path, holder, _ = leaves[name]
        if isinstance(holder, nnx.Variable):
            first = tied.setdefault(id(holder), name)
            if not _same(value, values.setdefault(id(holder), value)):
                raise ValueError(f"{first!r} and {name!r} are tied, so they cannot be given different arrays")
        else:
            values[path] = value
    node: Any = tree
    if isinstance(node, nnx.Pytree):
        clone: Any = nnx.clone(node)
        _match(node, clone, values, set())
        return clone
    if _is_variables(node):
        persistent = {
            k: _rebuild(v, (), values, {}) for k, v in node.items() if k not in _TRANSIENT_COLLECTIONS
        }
        return _like(node, dict(node) | persistent)
    return _rebuild(node, (), values, {})


def tied(tree: Any) -> list[set[str]]:
    """The names of each variable that has several."""
    groups: dict[int, set[str]] = {}
    for name, leaf in _leaves(tree).items():
        if isinstance(leaf.holder, nnx.Variable):
            groups.setdefault(id(leaf.holder), set()).add(name)
    return [group for group in groups.values() if len(group) > 1]


def buffer_names(tree: Any) -> frozenset[str]:
    """The names of what is no parameter, as far as a tree of its kind can tell.

    A module and an nnx.State tell by nnx.Param and FrozenParam, a Linen variables dict by its collections; a nested
    dict of arrays has nothing but torch's own names for buffers.
    """
    leaves = _leaves(tree)
    known = isinstance(tree, nnx.Pytree | nnx.State) or _is_variables(tree)
    return frozenset(
        name
        for name, leaf in leaves.items()
        if leaf.is_buffer or (not known and name.rpartition(".")[2] in _BUFFERS)
    )


def write_leaves(module: nnx.Module, other: nnx.Module) -> None:
    """Gives a module, in place, the arrays of another one with the same names."""
    new = named_leaves(other)
    for name, leaf in _leaves(module).items():
        leaf.holder.set_raw_value(new[name])


class Place(NamedTuple):
    """Where a module is: `key` of `container`."""

    container: Any
    key: Any
    module: Any


def places(node: Any, path: tuple[str, ...] = (), above: tuple[int, ...] = ()) -> Iterator[tuple[str, Place]]:
    """Every module below an NNX module, at every place that it has, by the names of `state_dict`."""
    for key, child in _children(node):
        hidden = isinstance(node, nnx.Sequential) and key == "layers"
        child_path = path if hidden else (*path, str(key))
        if isinstance(child, nnx.Module) and not hidden:
            yield ".".join(child_path), Place(node, key, child)
        if isinstance(child, nnx.Pytree | list | dict) and id(child) not in above:
            yield from places(child, child_path, (*above, id(node)))


def _leaves(tree: Any) -> dict[str, _Leaf]:
    """The leaves by name, in torch's order."""
    if not isinstance(tree, nnx.Pytree | nnx.State | Mapping):
        raise TypeError(
            "expected an NNX module, an nnx.State, a Linen variables dict or a nested dict of arrays, "
            f"got {type(tree).__name__}"
        )
    collections: Any = tree if _is_variables(tree) else {"params": tree}
    found: list[_Leaf] = []
    # JAX sorts 'batch_stats' before 'params'; the parameters know the order of the modules better.
    for collection in sorted(collections, key=lambda name: name != "params"):
        if collection not in _TRANSIENT_COLLECTIONS:
            found += _walk(collections[collection], (), collection != "params", False, ())
    named: dict[str, _Leaf] = {}
    for leaf in _in_order(found):
        name = ".".join(leaf.path)
        if name in named:
            raise ValueError(f"two leaves of the tree have the name {name!r}")
        named[name] = leaf
    return named


def _walk(
    node: Any, path: tuple[str, ...], is_buffer: bool, in_module: bool, above: tuple[int, ...]
) -> Iterator[_Leaf]:
    if isinstance(node, nnx.Variable):
        value = node.get_raw_value()
        if not isinstance(node, _TRANSIENT_VARIABLES) and value is not None:
            _check_array(value, path)
            yield _Leaf(path, node, not isinstance(node, nnx.Param | FrozenParam))
    elif isinstance(node, nnx.Pytree | nnx.State | Mapping | list | tuple):
        if isinstance(node, nnx.Pytree) and not in_module and above:
            raise TypeError(f"{'.'.join(path)!r} is an NNX {type(node).__name__} inside a dict: use nnx.Dict")
        if id(node) in above:
            raise ValueError(f"{type(node).__name__} {'.'.join(path)!r} contains itself")
        in_module = in_module or isinstance(node, nnx.Pytree)
        for key, child in _children(node):
            if not in_module and not isinstance(key, str | int):
                raise TypeError(f"keys must be str or int, got {key!r} of type {type(key).__name__}")
            hidden = isinstance(node, nnx.Sequential) and key == "layers"
            child_path = path if hidden else (*path, str(key))
            yield from _walk(child, child_path, is_buffer, in_module, (*above, id(node)))
    elif not in_module and node is not None:
        _check_array(_array(node), path)
        yield _Leaf(path, node, is_buffer)


def _children(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, nnx.Pytree):
        children = internals.nnx_attributes(node)
        # Flax sorts the attributes of what it rebuilds, the caller's own module in nnx.grad and nnx.jit among them; but
        # not its note of which of them hold data, in the order of their assignment. A container knows better still.
        order = node._order if isinstance(node, Container) else internals.nnx_assignment_order(node)
        rank = {name: i for i, name in enumerate(order)}
        return sorted(children, key=lambda child: rank.get(child[0], len(rank)))
    if isinstance(node, nnx.State):
        return node.raw_mapping.items()
    return node.items() if isinstance(node, Mapping) else enumerate(node)


def _in_order(leaves: list[_Leaf]) -> Iterator[_Leaf]:
    """Sort as torch's state_dict: a module's parameters, then its buffers, then its child modules alike."""
    stack = [(0, leaves)]
    while stack:
        depth, group = stack.pop()
        own: dict[str, list[_Leaf]] = {}
        children: dict[str, list[_Leaf]] = {}
        for leaf in group:
            of = own if len(leaf.path) == depth + 1 else children
            of.setdefault(leaf.path[depth], []).append(leaf)
        ordered = [leaf for name in _numeric_in_order(own) for leaf in own[name]]
        rank = {name: i for i, name in enumerate(_FIRST)}
        yield from sorted(ordered, key=lambda x: (x.is_buffer, rank.get(x.path[-1], len(rank))))
        stack += [(depth + 1, children[name]) for name in reversed(_numeric_in_order(children))]


def _numeric_in_order(names: Iterable[str]) -> list[str]:
    """Names as they come, unless all are numbers, as in torch's Sequential, ModuleList and ParameterList."""
    names = list(names)
    return sorted(names, key=int) if all(name.isdecimal() for name in names) else names


def _is_variables(tree: Any) -> bool:
    """Whether `tree` is what a Linen module's `init` returns: collections, among them a well-known one.

    A BatchNorm without affine parameters has nothing but 'batch_stats'.
    """
    if not isinstance(tree, Mapping) or isinstance(tree, nnx.State | nnx.Pytree):
        return False
    known = "params" in tree or set(tree) == {"batch_stats"}
    return known and all(isinstance(collection, Mapping) for collection in tree.values())


def _array(holder: Any) -> Any:
    if isinstance(holder, nnx.Variable):
        return holder.get_raw_value()
    if isinstance(holder, AxisMetadata):
        # Not unbox(): inside a mesh that applies a sharding constraint, which makes another array.
        return jax.tree.leaves(holder)[0]
    return holder


def _check_array(value: Any, path: tuple[str, ...]) -> None:
    if not isinstance(value, jax.Array | np.ndarray | np.generic | jax.ShapeDtypeStruct):
        hint = ": call the model once on an example" if isinstance(value, UninitializedParameter) else ""
        raise TypeError(f"{'.'.join(path)!r} holds a {type(value).__name__}, not an array{hint}")


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays are the same object or, where they have values, bit for bit equal."""
    if a is b:
        return True
    if any(isinstance(x, jax.core.Tracer | jax.ShapeDtypeStruct) for x in (a, b)):
        return False
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _match(old: Any, new: Any, values: Mapping[Any, Any], seen: set[int]) -> None:
    """Give `new`, a clone of the module `old`, the new values, and the attribute order that cloning lost."""
    if new is old or id(new) in seen:
        return
    seen.add(id(new))
    if isinstance(old, nnx.Variable):
        if id(old) in values:
            new.set_raw_value(values[id(old)])
    elif isinstance(old, nnx.Pytree | nnx.State | Mapping | list | tuple):
        clones = dict(_children(new))
        for key, child in _children(old):
            _match(child, clones[key], values, seen)
        if isinstance(old, nnx.Pytree | dict):
            items = vars(new) if isinstance(old, nnx.Pytree) else new
            in_order = {key: items[key] for key in (vars(old) if isinstance(old, nnx.Pytree) else old)}
            items.clear()
            items.update(in_order)


def _rebuild(node: Any, path: tuple[str, ...], values: Mapping[Any, Any], memo: dict[int, Any]) -> Any:
    """A copy of a nested mapping: new containers and variables around the old arrays and the new."""
    if isinstance(node, nnx.Variable):
        if id(node) not in memo:
            memo[id(node)] = node.copy(value=values.get(id(node), node.get_raw_value()))
        return memo[id(node)]
    if isinstance(node, AxisMetadata):
        return jax.tree.unflatten(jax.tree.structure(node), [values[path]]) if path in values else node
    if not isinstance(node, nnx.State | Mapping | list | tuple):
        return values.get(path, node)
    return _like(node, {k: _rebuild(child, (*path, str(k)), values, memo) for k, child in _children(node)})


def _like(node: Any, items: dict[Any, Any]) -> Any:
    """A container of the kind of `node` with other contents under the same keys."""
    if isinstance(node, dict):
        new = copy.copy(node)  # not type(node)(items): a defaultdict wants its factory first
        new.update(items)
        return new
    if isinstance(node, list | tuple):
        return type(node)(*items.values()) if hasattr(node, "_fields") else type(node)(items.values())
    return type(node)(items)
