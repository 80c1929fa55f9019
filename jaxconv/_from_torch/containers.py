"""torch.nn's containers in a converted network: their children by number or by name, as in torch."""

from collections.abc import Iterable, Iterator
from typing import Any

from jaxconv import nn
from jaxconv._containers import position
from jaxconv._from_torch.module import TorchModule, TorchNetwork, hold
from jaxconv._from_torch.program import Signature


class _Children:
    """Children by name, in torch's order."""

    _order: tuple[str, ...]

    def __len__(self) -> int:
        return len(self._order)


class _Numbered(_Children):
    def __getitem__(self, index: Any) -> Any:
        """One child; or those of a slice, in a `jaxconv.Sequential` that calls one after the other."""
        if isinstance(index, slice):
            return nn.Sequential({name: getattr(self, name) for name in self._order[index]})
        return getattr(self, self._order[position(index, len(self))])

    def __setitem__(self, index: int, module: Any) -> None:
        setattr(self, self._order[position(index, len(self))], module)

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, name) for name in self._order)


class _Named(_Children):
    def __getitem__(self, key: str) -> Any:
        if key not in self._order:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, module: Any) -> None:
        setattr(self, key, module)

    def __contains__(self, key: object) -> bool:
        return key in self._order

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def keys(self) -> Iterable[str]:
        """The names in their order."""
        return self._order

    def values(self) -> Iterable[Any]:
        """The modules in their order."""
        return [getattr(self, name) for name in self._order]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Names and modules in their order."""
        return zip(self.keys(), self.values(), strict=True)


class TorchList(_Numbered, TorchModule):
    """A Sequential or a ModuleList: `model.layers[0]`, `model.layers[1:]`, `len`, and in a `for`."""


class TorchListNetwork(_Numbered, TorchNetwork):
    """A whole network that is a Sequential: `model[0]`."""


class TorchDict(_Named, TorchModule):
    """A ModuleDict: `model.heads["mask"]`, `items()` and the rest that torch's has for reading."""


def empty(module: Any, signature: Signature | None = None) -> TorchModule:
    """Makes the module for one of torch's, without what that holds.

    Args:
        module: torch's.
        signature: how it is called, if it is the whole network.
    """
    import torch

    name = type(module).__name__
    numbered = isinstance(module, torch.nn.Sequential | torch.nn.ModuleList)
    node: TorchModule
    if signature is not None:
        node = (TorchListNetwork if numbered else TorchNetwork)(name, signature)
    elif numbered:
        node = TorchList(name)
    else:
        node = (TorchDict if isinstance(module, torch.nn.ModuleDict) else TorchModule)(name)
    if isinstance(node, _Children):
        hold(node, "_order", tuple(module._modules))
    return node
