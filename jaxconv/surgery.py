"""Select parameters by name, change them, get a new tree: what `.data` and `torch.nn.init` do in torch.

`tree` is anything `jaxconv.state_dict` takes: an NNX module, an `nnx.State`, a Linen variables dict, a params
dict, or gradients shaped like one. It is never changed; what comes back is of the same kind and shares every
array that was not replaced. All functions work under `jax.jit`, `jax.vmap` and `jax.grad`.

A selector is
- a name: "conv1.weight";
- a glob over the dot-separated segments of a name: `*` any run of characters within one segment, `?` one
  character, `[ab]` one of these, `[!ab]` none of these, and `**`, as a whole segment, any number of segments,
  also none;
- a function (name, array) -> bool;
- a list of selectors: whatever any of them selects; each must select something.
A selector that selects nothing is an error, and with `count` one that does not select as many names as that.

The functions with names of torch.nn.init fill what is selected. Those that draw take `key`, and draw each
leaf from `fold_in(key, crc32(name))`: a layer added elsewhere changes nothing, a layer renamed draws anew. From
`rngs.params()` of `jaxconv.TorchRngs` they draw one leaf after the other, in torch's order, as torch does.

Several names of one tied parameter are one parameter: choosing any changes all, once.
"""

import difflib
import zlib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import init
from jaxconv._tree import named_leaves, with_leaves
from jaxconv.init import TorchStream

Tree = TypeVar("Tree")
Selector = str | Callable[[str, jax.Array], bool] | Sequence["Selector"]


def select(tree: Any, selector: Selector, *, count: int | None = None) -> dict[str, jax.Array]:
    """The selected names and arrays, in torch's order.

    Raises:
        TypeError: `selector` is of no kind described above.
        ValueError: it, or an element of it, selects nothing; or not `count` names.
    """
    leaves = named_leaves(tree)
    matched = _matches(selector, leaves)
    selected = {name: leaf for name, leaf in leaves.items() if name in matched}
    if count is not None and len(selected) != count:
        names = ", ".join(map(repr, selected))
        raise ValueError(
            f"selector {_show(selector)} matches {len(selected)} name(s), not `count` (={count}): {names}; "
            "narrow or widen the selector, or correct `count`"
        )
    return selected


def replace(tree: Tree, mapping: Mapping[str, Any]) -> Tree:
    """The tree with other arrays under the given exact names.

    NumPy arrays are copied. Values keep the sharding they come with.

    Raises:
        ValueError: unknown names, other shapes or dtypes than what is replaced, no arrays; all of them in
            one error. Nothing is broadcast and nothing is cast.
    """
    leaves = named_leaves(tree)
    problems, new = [], {}
    for name, value in mapping.items():
        if name not in leaves:
            problems.append(f"no array is named {name!r}{_hint(str(name), leaves)}")
            continue
        try:
            new[name] = _fit(value, leaves[name])
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} {error}")
    _refuse("cannot replace", problems)
    return with_leaves(tree, new)


def update(
    tree: Tree, selector: Selector, fn: Callable[[jax.Array], Any], *, count: int | None = None
) -> Tree:
    """The tree with `fn(array)` in place of each selected array.

    Raises:
        TypeError, ValueError: as `select`.
        ValueError: `fn` gives another shape or dtype; all offenders in one error. What `fn` raises stays.
    """
    new, problems = {}, []
    for name, leaf in _distinct(tree, select(tree, selector, count=count)).items():
        value = fn(leaf)
        try:
            new[name] = leaf if value is leaf else _fit(value, leaf)
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} {error}")
    _refuse("`fn` must keep shape and dtype", problems)
    return with_leaves(tree, new)


# Written out, each with its own signature, so that help() and editors show torch's arguments.


def zeros(tree: Tree, selector: Selector, *, count: int | None = None) -> Tree:
    """Fills with zeros; see `jaxconv.init.zeros`."""
    return _fill(tree, selector, init.zeros(), None, count)


def ones(tree: Tree, selector: Selector, *, count: int | None = None) -> Tree:
    """Fills with ones; see `jaxconv.init.ones`."""
    return _fill(tree, selector, init.ones(), None, count)


def constant(tree: Tree, selector: Selector, val: complex, *, count: int | None = None) -> Tree:
    """Fills with `val`; see `jaxconv.init.constant`."""
    return _fill(tree, selector, init.constant(val), None, count)


def uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0.0,
    b: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws uniformly from [a, b); see `jaxconv.init.uniform`."""
    return _fill(tree, selector, init.uniform(a, b), _checked(key), count)


def normal(
    tree: Tree,
    selector: Selector,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws from a normal distribution; see `jaxconv.init.normal`."""
    return _fill(tree, selector, init.normal(mean, std), _checked(key), count)


def trunc_normal(
    tree: Tree,
    selector: Selector,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws from a normal distribution truncated to [a, b]; see `jaxconv.init.trunc_normal`."""
    return _fill(tree, selector, init.trunc_normal(mean, std, a, b), _checked(key), count)


def eye(tree: Tree, selector: Selector, *, count: int | None = None) -> Tree:
    """Fills matrices with the identity; see `jaxconv.init.eye`."""
    return _fill(tree, selector, init.eye(), None, count)


def dirac(tree: Tree, selector: Selector, groups: int = 1, *, count: int | None = None) -> Tree:
    """Makes convolutions pass their input on; see `jaxconv.init.dirac`."""
    return _fill(tree, selector, init.dirac(groups), None, count)


def xavier_uniform(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_uniform`."""
    return _fill(tree, selector, init.xavier_uniform(gain), _checked(key), count)


def xavier_normal(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_normal`."""
    return _fill(tree, selector, init.xavier_normal(gain), _checked(key), count)


def kaiming_uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_uniform`."""
    return _fill(tree, selector, init.kaiming_uniform(a, mode, nonlinearity), _checked(key), count)


def kaiming_normal(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_normal`."""
    return _fill(tree, selector, init.kaiming_normal(a, mode, nonlinearity), _checked(key), count)


def orthogonal(
    tree: Tree, selector: Selector, gain: float = 1, *, key: jax.Array | TorchStream, count: int | None = None
) -> Tree:
    """Draws (semi-)orthogonal matrices; see `jaxconv.init.orthogonal`."""
    return _fill(tree, selector, init.orthogonal(gain), _checked(key), count)


def sparse(
    tree: Tree,
    selector: Selector,
    sparsity: float,
    std: float = 0.01,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
) -> Tree:
    """Draws normal matrices with zeros; see `jaxconv.init.sparse`."""
    return _fill(tree, selector, init.sparse(sparsity, std), _checked(key), count)


def _fill(tree: Tree, selector: Selector, initializer: init.Initializer, key: Any, count: int | None) -> Tree:
    new, problems = {}, []
    for name, leaf in _distinct(tree, select(tree, selector, count=count)).items():
        own: Any = key
        if isinstance(key, jax.Array):
            own = jax.random.fold_in(key, np.uint32(zlib.crc32(name.encode())))
        try:
            value = initializer(own, leaf.shape, leaf.dtype)
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} of shape {leaf.shape} and dtype {leaf.dtype}: {error}")
            continue
        # What was placed stays placed; a tracer's placement is the compiler's business.
        placed = isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer) and leaf.committed
        new[name] = jax.device_put(value, leaf.sharding) if placed else value
    _refuse("cannot fill", problems)
    return with_leaves(tree, new)


def _distinct(tree: Any, selected: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
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


def _fit(value: Any, leaf: jax.Array) -> jax.Array:
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


def _matches(selector: Selector, leaves: Mapping[str, jax.Array]) -> set[str]:
    if isinstance(selector, str):
        pattern = selector.split(".")
        matched = {selector} & set(leaves) or {name for name in leaves if _glob(pattern, name.split("."))}
    elif callable(selector):
        matched = {name for name, leaf in leaves.items() if selector(name, leaf)}
    elif isinstance(selector, Sequence):
        matched = {name for part in selector for name in _matches(part, leaves)}
    else:
        raise TypeError(
            "`selector` must be a name, a glob, a function (name, array) -> bool or a list of these, "
            f"got {selector!r} of type {type(selector).__name__}"
        )
    if not matched:
        hint = _hint(selector if isinstance(selector, str) else "", leaves)
        raise ValueError(f"selector {_show(selector)} matches nothing{hint}")
    return matched


def _glob(pattern: Sequence[str], name: Sequence[str]) -> bool:
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        return any(_glob(rest, name[i:]) for i in range(len(name) + 1))
    return bool(name) and fnmatchcase(name[0], head) and _glob(rest, name[1:])


def _hint(wanted: str, leaves: Mapping[str, jax.Array]) -> str:
    """The names the user may have meant, else the first ones there are."""
    if any(name.startswith(f"{wanted}.") for name in leaves):
        return f" (did you mean {wanted + '.**'!r}?)"
    if close := difflib.get_close_matches(wanted, leaves):
        return f" (did you mean {' or '.join(map(repr, close))}?)"
    shown = ", ".join(map(repr, list(leaves)[:10])) or "none"
    more = f" and {len(leaves) - 10} more" if len(leaves) > 10 else ""
    return f" (the names are {shown}{more})"


def _show(selector: Selector) -> str:
    return getattr(selector, "__qualname__", None) or repr(selector)


def _checked(key: Any) -> jax.Array | TorchStream:
    """`key`, if it is one: typed, or raw uint32; or torch's stream."""
    if isinstance(key, TorchStream):
        return key
    if isinstance(key, jax.Array | np.ndarray):
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        if key.ndim == 0 if typed else (key.ndim == 1 and key.dtype == np.uint32):
            return jnp.asarray(key)
    raise TypeError(f"`key` (={key!r}) must be one JAX random key, such as jax.random.key(0)")


def _refuse(what: str, problems: list[str]) -> None:
    """Raises all problems as one error."""
    if problems:
        raise ValueError(f"{what}: " + "; ".join(problems))
