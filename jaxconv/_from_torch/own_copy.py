"""A torch network that may be run without changing the caller's."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


def copies(tree: Any) -> Any:
    """The same arguments with copies of the tensors."""
    import torch
    from torch.utils._pytree import tree_map

    return tree_map(lambda x: x.clone() if isinstance(x, torch.Tensor) else x, tree)


@contextmanager
def own_copy(module: Any) -> Iterator[Any]:
    """A copy of a network; of one that cannot be copied itself, with what it holds put back afterwards."""
    own = None
    with suppress(Exception):
        own = copy.deepcopy(module)
    if own is not None:
        yield own
        return
    held = [(t, t.detach().clone()) for t in (*module.parameters(), *module.buffers())]
    try:
        yield module
    finally:
        for tensor, before in held:
            tensor.copy_(before)
