"""torch.autocast in a trace: which inputs of an operation it casts. Torch is asked, with tensors without numbers."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

Regions = tuple[tuple[str, Any], ...]
"""The kinds of devices for which autocast is on, each with its dtype."""


def within(regions: Regions, device: str, dtype: Any, enabled: bool) -> Regions:
    """The regions inside a `with torch.autocast(device, dtype, enabled)`."""
    others = tuple(region for region in regions if region[0] != device)
    return (*others, (device, dtype)) if enabled else others


@contextmanager
def entered(regions: Regions) -> Iterator[None]:
    """Switches torch's autocast on."""
    import torch

    with ExitStack() as stack:
        for device, dtype in regions:
            stack.enter_context(torch.autocast(device, dtype, cache_enabled=False))
        yield


def casts(node: Any, regions: Regions) -> dict[Any, Any]:
    """The nodes among a node's arguments that autocast casts, each with its dtype."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves, tree_map

    if not regions:
        return {}
    nodes = [a for a in tree_leaves((node.args, dict(node.kwargs))) if isinstance(a, torch.fx.Node)]
    of = {id(a.meta["val"]): a for a in nodes if isinstance(a.meta.get("val"), torch.Tensor)}
    found: dict[Any, Any] = {}

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is torch.ops.aten._to_copy.default and id(args[0]) in of and kwargs.get("dtype"):
                found.setdefault(of[id(args[0])], kwargs["dtype"])
            return func(*args, **kwargs)

    args, kwargs = tree_map(
        lambda a: a.meta.get("val") if isinstance(a, torch.fx.Node) else a, (node.args, dict(node.kwargs))
    )
    with torch.no_grad(), entered(regions), Watch():
        node.target(*args, **kwargs)
    explicit = node.target in (torch.ops.aten.to.dtype, torch.ops.aten._to_copy.default)
    return {} if explicit else found
