"""Which parameters a selector of `jaxconv.surgery` means."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv._tree import buffer_names, named_leaves, places, with_leaves

Selector = (
    str | type | Callable[[str, jax.Array], bool] | Mapping[str, jax.Array] | Sequence["Selector"]
)  # a mapping is what `select` returns


def select(
    tree: Any,
    selector: Selector | None = None,
    *,
    layer: type | tuple[type, ...] | None = None,
    name: str = "**",
    count: int | None = None,
    buffers: bool = False,
) -> dict[str, jax.Array]:
    """The selected names and arrays, in torch's order.

    Args:
        tree: any tree of parameters.
        selector: what to select.
        layer: instead of a selector: the classes of layers, as in isinstance, of an NNX module.
        name: with `layer`: a name or glob below each of these layers.
        count: how many names must be selected.
        buffers: whether globs, functions and classes select buffers, too.

    Raises:
        TypeError: `selector` is of no kind described above, or not exactly one of `selector` and `layer` is given.
        ValueError: the selector, or an element of it, selects nothing; or not `count` names.
    """
    if (selector is None) == (layer is None) or (layer is None and name != "**"):
        raise TypeError("give either a `selector`, or `layer` and optionally `name`")
    if layer is not None:
        selected = in_layers(tree, layer, name, buffers)
        words = f"layer={show(layer)}"
    else:
        assert selector is not None
        selected, words = matches(tree, selector, buffers), show(selector)
    if count is not None and len(selected) != count:
        names = ", ".join(map(repr, selected))
        raise ValueError(
            f"selector {words} matches {len(selected)} name(s), not `count` (={count}): {names}; "
            "narrow or widen the selector, or correct `count`"
        )
    return selected


def matches(tree: Any, selector: Selector, buffers: bool) -> dict[str, jax.Array]:
    """The selected names and arrays, in torch's order.

    Args:
        tree: any tree of parameters.
        selector: see `jaxconv.surgery`.
        buffers: whether patterns, functions and classes select buffers, too. Exact names always do.

    Raises:
        TypeError: `selector` is of no kind that `jaxconv.surgery` describes, or a class where `tree` knows no layers.
        ValueError: the selector, or an element of it, selects nothing.
    """
    leaves = named_leaves(tree)
    hidden = frozenset() if buffers else buffer_names(tree)
    found = _matches(tree, selector, leaves, hidden)
    return {name: leaf for name, leaf in leaves.items() if name in found}


def _matches(
    tree: Any, selector: Selector, leaves: Mapping[str, jax.Array], hidden: frozenset[str]
) -> set[str]:
    if isinstance(selector, str) and selector in leaves:
        return {selector}
    if isinstance(selector, str):
        matched = _named(selector, leaves)
    elif isinstance(selector, type):
        matched = of_layers(tree, selector, "**", leaves)
    elif callable(selector):
        matched = {name for name, leaf in leaves.items() if selector(name, leaf)}
    elif isinstance(selector, Sequence | Mapping):
        # No element of a list may be hidden by its other elements.
        return _some(selector, {n for part in selector for n in _matches(tree, part, leaves, hidden)}, leaves)
    else:
        raise TypeError(
            "`selector` must be a name, a glob, a layer's class, a function (name, array) -> bool, what `select` "
            f"returns, or a list of these, got {selector!r} of type {type(selector).__name__}"
        )
    return _visible(selector, matched, leaves, hidden)


def _visible(
    selector: Any, matched: set[str], leaves: Mapping[str, jax.Array], hidden: frozenset[str]
) -> set[str]:
    """What is selected without the hidden buffers.

    Raises:
        ValueError: nothing is left.
    """
    if matched and not matched - hidden:
        names = ", ".join(repr(name) for name in leaves if name in matched)
        raise ValueError(
            f"selector {show(selector)} matches buffers only, no parameter: {names}; pass `buffers=True`, or the exact "
            "names"
        )
    return _some(selector, matched - hidden, leaves)


def _some(selector: Any, matched: set[str], leaves: Mapping[str, jax.Array]) -> set[str]:
    if not matched:
        raise ValueError(f"selector {show(selector)} matches nothing{hint(selector, leaves)}")
    return matched


def in_layers(tree: Any, layer: type | tuple[type, ...], name: str, buffers: bool) -> dict[str, jax.Array]:
    """The arrays of that name in each layer of one of these classes, in torch's order.

    Args:
        tree: an NNX module.
        layer: as in `isinstance`.
        name: a name or a glob below the layer, such as "weight".
        buffers: whether globs select buffers, too.

    Raises:
        TypeError: `tree` knows no layers.
        ValueError: nothing is selected.
    """
    leaves = named_leaves(tree)
    hidden = frozenset() if buffers or _is_plain(name) else buffer_names(tree)
    words = f"layer={show(layer)}, name={name!r}"
    found = _visible(words, of_layers(tree, layer, name, leaves), leaves, hidden)
    return {name: leaf for name, leaf in leaves.items() if name in found}


def of_layers(
    tree: Any, layer: type | tuple[type, ...], name: str, leaves: Mapping[str, jax.Array]
) -> set[str]:
    """The names of what the layers of one of these classes hold under a name or glob."""
    layers = list(layers_of(tree))
    prefixes = [prefix for prefix, module in layers if is_layer(module, layer)]
    if not prefixes:
        kinds = sorted({_kind(module) for _, module in layers})
        raise ValueError(f"no layer of the tree is a {show(layer)} (its layers are {', '.join(kinds)})")
    below = [f"{prefix}." if prefix else "" for prefix in prefixes]
    return {
        full
        for full in leaves
        for prefix in below
        if full.startswith(prefix) and _glob(name.split("."), full[len(prefix) :].split("."))
    }


def layers_of(tree: Any) -> Iterator[tuple[str, Any]]:
    """Every module of an NNX module, with its name at each of its places; the outermost first, under ''.

    Raises:
        TypeError: the tree is of another kind, which knows names only.
    """
    if not isinstance(tree, nnx.Module):
        raise TypeError(
            f"a {type(tree).__name__} has the names of parameters, but not the classes of layers: select by name, or "
            "select from the NNX module"
        )
    yield "", tree
    yield from ((name, place.module) for name, place in places(tree))


def is_layer(module: Any, layer: type | tuple[type, ...]) -> bool:
    """`isinstance`, also by torch's class: our layers have its name, and what `from_torch` makes knows it."""
    classes = layer if isinstance(layer, tuple) else (layer,)
    if isinstance(module, classes):
        return True
    own = getattr(module, "torch_class", None)
    if own is None and type(module).__module__.startswith("jaxconv."):
        own = type(module).__name__
    ours_or_torchs = (c for c in classes if c.__module__.partition(".")[0] in ("jaxconv", "torch"))
    return any(own == c.__name__ for c in ours_or_torchs)


def _kind(module: Any) -> str:
    return str(getattr(module, "torch_class", type(module).__name__))


def _is_plain(name: str) -> bool:
    return not set("*?[") & set(name)


def _named(pattern: str, names: Mapping[str, Any]) -> set[str]:
    segments = pattern.split(".")
    return {name for name in names if _glob(segments, name.split("."))}


def _glob(pattern: Sequence[str], name: Sequence[str]) -> bool:
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        return any(_glob(rest, name[i:]) for i in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], head) and _glob(rest, name[1:])


def hint(wanted: Any, leaves: Mapping[str, jax.Array]) -> str:
    """The names the user may have meant, else the first ones there are."""
    wanted = wanted if isinstance(wanted, str) else ""
    # 'outc.*' where all is deeper, and 'outc', which is a layer.
    deeper = f"{wanted.removesuffix('*').removesuffix('.')}.**"
    if wanted and not wanted.endswith("**") and _named(deeper, leaves):
        return f" (did you mean {deeper!r}?)"
    if close := difflib.get_close_matches(wanted, leaves):
        return f" (did you mean {' or '.join(map(repr, close))}?)"
    shown = ", ".join(map(repr, list(leaves)[:10])) or "none"
    more = f" and {len(leaves) - 10} more" if len(leaves) > 10 else ""
    return f" (the names are {shown}{more})"


def show(selector: Any) -> str:
    """A selector in a message."""
    if isinstance(selector, tuple) and selector and all(isinstance(part, type) for part in selector):
        return " or ".join(part.__qualname__ for part in selector)
    if isinstance(selector, str) and selector.startswith("layer="):
        return selector
    return getattr(selector, "__qualname__", None) or repr(selector)


def distinct(tree: Any, selected: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """What is selected without further names of a tied variable: the first of each, in the tree's order.

    Tied variables hold one array object, but so may variables that are not tied: only setting one tells.
    """
    names_of: dict[int, list[str]] = {}
    for name, leaf in named_leaves(tree).items():
        names_of.setdefault(id(leaf), []).append(name)
    distinct: dict[str, jax.Array] = {}
    for name, leaf in selected.items():
        first = name
        if len(shared := names_of[id(leaf)]) > 1:
            marked = named_leaves(with_leaves(tree, {name: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)}))
            first = next(other for other in shared if marked[other] is not leaf)
        distinct[first] = leaf
    return distinct


def fit(value: Any, leaf: jax.Array) -> jax.Array:
    """`value` as an array of the shape and dtype of `leaf`, sharing no memory with NumPy."""
    if type(value).__module__.split(".")[0] == "torch":
        raise TypeError("is given a torch.Tensor: see jaxconv.load_state_dict, or pass `.detach().numpy()`")
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        value = jnp.array(value)
    # Before the conversion, which without jax_enable_x64 would make float32 of float64.
    problems = []
    if value.shape != leaf.shape:
        problems.append(f"has shape {leaf.shape}, got {value.shape}")
    if value.dtype != leaf.dtype:
        problems.append(f"has dtype {leaf.dtype}, got {value.dtype}: use .astype({str(leaf.dtype)!r})")
    if problems:
        raise ValueError(" and ".join(problems))
    # With its dtype named, an array is no longer weakly typed.
    return jnp.asarray(value, leaf.dtype) if isinstance(value, jax.Array) else jnp.array(value, leaf.dtype)


def refuse(what: str, problems: list[str]) -> None:
    """Raises all problems as one error."""
    if problems:
        raise ValueError(f"{what}: " + "; ".join(problems))
