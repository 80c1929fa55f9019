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
nnx.Param and jaxconv.FrozenParam, and Linen variables by their collection; a plain dict tells only torch's own names
for them: running_mean, running_var and num_batches_tracked.
A selector that selects nothing is an error, and with `count` one that does not select as many names as that.

The functions with names of torch.nn.init fill what is selected. Those that draw take `key`, and draw each
leaf from `fold_in(key, crc32(name))`: a layer added elsewhere changes nothing, a layer renamed draws anew. The name is
that in the whole model, within `apply` as well. From `rngs.params()` of `jaxconv.TorchRngs` they draw one leaf after
the other, in torch's order, as torch does.

Several names of one tied parameter are one parameter: choosing any changes all, once.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import jax
from flax import nnx

from jaxconv._examples import document as _document
from jaxconv._examples.surgery import SURGERY as _SURGERY
from jaxconv._fill import (
    constant,
    dirac,
    eye,
    kaiming_normal,
    kaiming_uniform,
    normal,
    ones,
    orthogonal,
    prefix,
    sparse,
    trunc_normal,
    uniform,
    xavier_normal,
    xavier_uniform,
    zeros,
)
from jaxconv._select import Selector, distinct, fit, hint, layers_of, refuse, select
from jaxconv._tree import named_leaves, with_leaves, write_leaves

# fmt: off
__all__ = [
    "apply", "constant", "dirac", "eye", "kaiming_normal", "kaiming_uniform", "normal", "ones", "orthogonal",
    "replace", "select", "sparse", "trunc_normal", "uniform", "update", "xavier_normal", "xavier_uniform",
    "zeros",
]
# fmt: on

Tree = TypeVar("Tree")
Module = TypeVar("Module", bound=nnx.Module)


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
    One `key` serves all layers: what draws from it draws each parameter by its name in the model.

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
    token = prefix.set(f"{name}." if name else "")
    try:
        result = fn(module)
    finally:
        prefix.reset(token)
    where = repr(name) if name else "the model itself"
    if type(result) is not type(module):
        told = "None: end it with `return layer`" if result is None else f"a {type(result).__name__}"
        raise TypeError(
            f"`fn` must return a {type(module).__name__} for {where}, the class that it was given, but returned {told}"
        )
    if result is not module:
        if missing := set(named_leaves(module)) - set(named_leaves(result)):
            raise ValueError(
                f"`fn` must return {where} with all of its arrays; missing: {', '.join(map(repr, sorted(missing)))}"
            )
        write_leaves(module, replace(module, named_leaves(result)))


_document(globals(), _SURGERY)
