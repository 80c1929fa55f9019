"""Select parameters by name, change them, get a new tree: what `.data` and `torch.nn.init` do in torch.

`tree` is anything `jaxconv.state_dict` takes: an NNX module, an `nnx.State`, a Linen variables dict, a params
dict, or gradients shaped like one. It is never changed; what comes back is of the same kind and shares every
array that was not replaced. All functions work under `jax.jit`, `jax.vmap` and `jax.grad`.

A selector is
- a name: "conv1.weight";
- a glob over the dot-separated segments of a name: `*` any run of characters within one segment, `?` one
  character, `[ab]` one of these, `[!ab]` none of these, and `**`, as a whole segment, any number of segments,
  also none;
- a layer's class, such as `jaxconv.Conv2d`, of an NNX module: all that layers of this class hold, as `isinstance` tells
  them; of a module that `from_torch` made, a class of that name;
- a function (name, array) -> bool;
- what `select` returned: its names;
- a list of selectors: whatever any of them selects; each must select something.
Parameters are selected, as torch's `net.parameters()` lists them, and not buffers such as `running_mean`: an exact name
selects a buffer, and so does everything with `buffers=True`. What is a buffer, an NNX module and an nnx.State tell by
nnx.Param, and Linen variables by their collection; a plain dict tells only torch's own names for them: running_mean,
running_var and num_batches_tracked.
A selector that selects nothing is an error, and with `count` one that does not select as many names as that.

The functions with names of torch.nn.init fill what is selected. Those that draw take `key`, and draw each
leaf from `fold_in(key, crc32(name))`: a layer added elsewhere changes nothing, a layer renamed draws anew. From
`rngs.params()` of `jaxconv.TorchRngs` they draw one leaf after the other, in torch's order, as torch does.

Several names of one tied parameter are one parameter: choosing any changes all, once.
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv import init
from jaxconv._select import Selector, distinct, fit, hint, in_layers, layers_of, matches, refuse, show
from jaxconv._tree import named_leaves, with_leaves, write_leaves
from jaxconv.init import TorchStream

Tree = TypeVar("Tree")
Module = TypeVar("Module", bound=nnx.Module)


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
        raise TypeError("give either a `selector`, or `layer` and, if you like, `name`")
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
            problems.append(f"no array is named {name!r}{hint(str(name), leaves)}")
            continue
        try:
            new[name] = fit(value, leaves[name])
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} {error}")
    refuse("cannot replace", problems)
    return with_leaves(tree, new)


def update(
    tree: Tree,
    selector: Selector,
    fn: Callable[[jax.Array], Any],
    *,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """The tree with `fn(array)` in place of each selected array.

    Raises:
        TypeError, ValueError: as `select`.
        ValueError: `fn` gives another shape or dtype; all offenders in one error. What `fn` raises stays.
    """
    new, problems = {}, []
    for name, leaf in distinct(tree, select(tree, selector, count=count, buffers=buffers)).items():
        value = fn(leaf)
        try:
            new[name] = leaf if value is leaf else fit(value, leaf)
        except (TypeError, ValueError) as error:
            problems.append(f"{name!r} {error}")
    refuse("`fn` must keep shape and dtype", problems)
    return with_leaves(tree, new)


def apply(model: Module, fn: Callable[[Any], Any]) -> Module:
    """The model with `fn(layer)` in the place of each of its layers: torch's `net.apply(fn)`.

    `fn` gets every module, its children first and the model itself last, and returns it, or a new one of its class with
    arrays of the same names, shapes and dtypes: what the functions of this file make. A layer at several places is one.

    Raises:
        TypeError: `model` is no NNX module; or `fn` returns something else than a layer of the same class, None too.
        ValueError: `fn` returns a layer with other names, shapes or dtypes.
    """
    new = with_leaves(model, {}) if isinstance(model, nnx.Module) else model
    done: set[int] = set()
    # Children come after their parents there, and siblings in order: torch's order is that of a stack.
    above: list[tuple[str, Any]] = []
    for name, module in layers_of(new):
        while above and above[-1][0] and not name.startswith(f"{above[-1][0]}."):
            _apply(*above.pop(), fn, done)
        above.append((name, module))
    for name, module in reversed(above):
        _apply(name, module, fn, done)
    return new


def _apply(name: str, module: Any, fn: Callable[[Any], Any], done: set[int]) -> None:
    if id(module) in done:
        return
    done.add(id(module))
    result, where = fn(module), repr(name) if name else "the model itself"
    if type(result) is not type(module):
        told = "None: end it with `return layer`" if result is None else f"a {type(result).__name__}"
        raise TypeError(
            f"`fn` must return a {type(module).__name__} for {where}, as it got, but returned {told}"
        )
    if result is not module:
        if missing := set(named_leaves(module)) - set(named_leaves(result)):
            raise ValueError(f"`fn` returned {where} without {', '.join(map(repr, sorted(missing)))}")
        write_leaves(module, replace(module, named_leaves(result)))


# Written out, each with its own signature, so that help() and editors show torch's arguments.


def zeros(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills with zeros; see `jaxconv.init.zeros`."""
    return _fill(tree, selector, init.zeros(), None, count, buffers)


def ones(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills with ones; see `jaxconv.init.ones`."""
    return _fill(tree, selector, init.ones(), None, count, buffers)


def constant(
    tree: Tree, selector: Selector, val: complex, *, count: int | None = None, buffers: bool = False
) -> Tree:
    """Fills with `val`; see `jaxconv.init.constant`."""
    return _fill(tree, selector, init.constant(val), None, count, buffers)


def uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0.0,
    b: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws uniformly from [a, b); see `jaxconv.init.uniform`."""
    return _fill(tree, selector, init.uniform(a, b), _checked(key), count, buffers)


def normal(
    tree: Tree,
    selector: Selector,
    mean: float = 0.0,
    std: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws from a normal distribution; see `jaxconv.init.normal`."""
    return _fill(tree, selector, init.normal(mean, std), _checked(key), count, buffers)


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
    buffers: bool = False,
) -> Tree:
    """Draws from a normal distribution truncated to [a, b]; see `jaxconv.init.trunc_normal`."""
    return _fill(tree, selector, init.trunc_normal(mean, std, a, b), _checked(key), count, buffers)


def eye(tree: Tree, selector: Selector, *, count: int | None = None, buffers: bool = False) -> Tree:
    """Fills matrices with the identity; see `jaxconv.init.eye`."""
    return _fill(tree, selector, init.eye(), None, count, buffers)


def dirac(
    tree: Tree, selector: Selector, groups: int = 1, *, count: int | None = None, buffers: bool = False
) -> Tree:
    """Makes convolutions pass their input on; see `jaxconv.init.dirac`."""
    return _fill(tree, selector, init.dirac(groups), None, count, buffers)


def xavier_uniform(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_uniform`."""
    return _fill(tree, selector, init.xavier_uniform(gain), _checked(key), count, buffers)


def xavier_normal(
    tree: Tree,
    selector: Selector,
    gain: float = 1.0,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by Glorot & Bengio 2010; see `jaxconv.init.xavier_normal`."""
    return _fill(tree, selector, init.xavier_normal(gain), _checked(key), count, buffers)


def kaiming_uniform(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_uniform`."""
    return _fill(tree, selector, init.kaiming_uniform(a, mode, nonlinearity), _checked(key), count, buffers)


def kaiming_normal(
    tree: Tree,
    selector: Selector,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws by He et al. 2015; see `jaxconv.init.kaiming_normal`."""
    return _fill(tree, selector, init.kaiming_normal(a, mode, nonlinearity), _checked(key), count, buffers)


def orthogonal(
    tree: Tree,
    selector: Selector,
    gain: float = 1,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws (semi-)orthogonal matrices; see `jaxconv.init.orthogonal`."""
    return _fill(tree, selector, init.orthogonal(gain), _checked(key), count, buffers)


def sparse(
    tree: Tree,
    selector: Selector,
    sparsity: float,
    std: float = 0.01,
    *,
    key: jax.Array | TorchStream,
    count: int | None = None,
    buffers: bool = False,
) -> Tree:
    """Draws normal matrices with zeros; see `jaxconv.init.sparse`."""
    return _fill(tree, selector, init.sparse(sparsity, std), _checked(key), count, buffers)


def _fill(
    tree: Tree, selector: Selector, initializer: init.Initializer, key: Any, count: int | None, buffers: bool
) -> Tree:
    new, problems = {}, []
    for name, leaf in distinct(tree, select(tree, selector, count=count, buffers=buffers)).items():
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
    refuse("cannot fill", problems)
    return with_leaves(tree, new)


def _checked(key: Any) -> jax.Array | TorchStream:
    """`key`, if it is one: typed, or raw uint32; or torch's stream."""
    if isinstance(key, TorchStream):
        return key
    if isinstance(key, jax.Array | np.ndarray):
        typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
        if key.ndim == 0 if typed else (key.ndim == 1 and key.dtype == np.uint32):
            return jnp.asarray(key)
    raise TypeError(f"`key` (={key!r}) must be one JAX random key, such as jax.random.key(0)")
