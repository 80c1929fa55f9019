"""Which sizes of a network's inputs stay open: the batch, and those that the caller names."""

import inspect
from collections.abc import Mapping
from typing import Any

from jaxconv._from_torch import conditions, sizes

Dynamic = Mapping[str, Mapping[int, str]]


def checked(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], dynamic: Any) -> Dynamic:
    """`dynamic` with dimensions that count from the front.

    Raises:
        TypeError: it is no dict of dicts of names.
        ValueError: it names an argument that is no tensor of the example, or a dimension that the tensor has not.
    """
    given = inspect.signature(module.forward).bind(*args, **kwargs).arguments
    found: dict[str, dict[int, str]] = {}
    for argument, dims in (dynamic or {}).items():
        if not isinstance(dims, Mapping) or not all(isinstance(name, str) for name in dims.values()):
            raise TypeError(
                f"`dynamic[{argument!r}]` must be a dict such as {{2: 'h', 3: 'w'}}, got {dims!r}"
            )
        tensor: Any = given.get(argument)
        if not hasattr(tensor, "untyped_storage"):
            raise ValueError(
                f"`dynamic` names the argument {argument!r}, but the example has no tensor there; its arguments "
                f"are {list(given)}"
            )
        if wrong := [d for d in dims if not -tensor.ndim <= d < tensor.ndim]:
            raise ValueError(
                f"`dynamic[{argument!r}]` names dimension {wrong[0]} of a tensor of {tensor.ndim}"
            )
        found[argument] = {d % tensor.ndim: name for d, name in dims.items()}
    return found


def shapes(module: Any, given: Any, dynamic: Dynamic, batch: bool) -> Any:
    """torch.export's `dynamic_shapes`: the named sizes, and with `batch` the first size of every tensor."""
    import torch
    from torch.utils._pytree import tree_map

    def any_batch(x: Any) -> Any:
        batched = batch and isinstance(x, torch.Tensor) and x.ndim and x.shape[0] > 1
        return {0: torch.export.Dim.AUTO} if batched else None

    args, kwargs = given
    found = tree_map(any_batch, dict(inspect.signature(module.forward).bind(*args, **kwargs).arguments))
    for argument, dims in dynamic.items():
        found[argument] = (found[argument] or {}) | {d: torch.export.Dim.AUTO for d in dims}
    return found


def labels(module: Any, program: Any, dynamic: Dynamic) -> tuple[tuple[str, str], ...]:
    """The symbol of each named size, with the name.

    Raises:
        ValueError: torch's code has fixed one of them.
    """
    if not dynamic:
        return ()
    names = list(inspect.signature(module.forward).parameters)
    args, kwargs = program.call_spec.in_spec.children()
    leaves = [n for n in program.graph.nodes if n.op == "placeholder"][
        -program.call_spec.in_spec.num_leaves :
    ]
    owners = [
        name for name, spec in zip(names, args.children(), strict=False) for _ in range(spec.num_leaves)
    ]
    owners += [
        name
        for name, spec in zip(kwargs.context, kwargs.children(), strict=True)
        for _ in range(spec.num_leaves)
    ]
    found: dict[str, str] = {}
    for node, owner in zip(leaves, owners, strict=True):
        meta = node.meta["val"]
        for d, name in dynamic.get(owner, {}).items():
            size = sizes.expression(meta.shape[d])
            if not isinstance(size, str):
                raise ValueError(
                    f"`dynamic` names dimension {d} of {owner!r} {name!r}, but the network's code fixes it at {size}"
                    f"{conditions.fixing(meta)}: leave it out of `dynamic`, or change that code"
                )
            found.setdefault(size, name)
    return tuple(found.items())
