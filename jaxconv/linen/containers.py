"""torch.nn's containers as Linen modules: {'params': {'0': {'weight': ...}, ...}}, torch's names."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flax import linen as nn

from jaxconv._containers import check_child, in_order, numbered, position, sequential_children
from jaxconv._habits import LINEN_METHODS, Habits

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


@dataclass(frozen=True)
class _Children:
    """Modules that Linen does not see as attributes, where it would name them 'children_0'."""

    names: tuple[str, ...]
    modules: tuple[Any, ...]


class _Container(Habits, nn.Module):
    _METHODS = LINEN_METHODS

    children: _Children

    def setup(self) -> None:
        own: dict[int, Any] = {}  # by what was given: a module that is given twice is one
        for name, module in zip(self.children.names, self.children.modules, strict=True):
            if isinstance(module, nn.Module):
                module = own.setdefault(id(module), module.clone(parent=None, name=None))
            setattr(self, name, module)

    def __len__(self) -> int:
        return len(self.children.names)

    def _child(self, name: str) -> Any:
        """A child: bound inside of `apply` and `init`, as it was given outside."""
        if self.scope is None:
            return self.children.modules[self.children.names.index(name)]
        return getattr(self, name)


def _children(named: Mapping[str, Any]) -> _Children:
    for name, child in named.items():
        check_child(name, child)
    return _Children(tuple(named), tuple(named.values()))


class _List(_Container):
    def __getitem__(self, index: Any) -> Any:
        """One child, or a list of those of a slice."""
        if isinstance(index, slice):
            return list(self)[index]
        return self._child(self.children.names[position(index, len(self))])

    def __iter__(self) -> Iterator[Any]:
        return (self._child(name) for name in self.children.names)


class Sequential(_List):
    """torch.nn.Sequential for Linen: modules and functions one after the other.

    `Sequential(a, b)` has children '0' and '1', `Sequential(OrderedDict(conv=a, act=b))` 'conv' and 'act'.

    Raises:
        TypeError: something that cannot be called.

    Examples:
        >>> model = jaxconv.linen.Sequential(jaxconv.linen.Linear(3, 2), jaxconv.linen.ReLU())
        >>> variables = model.init(jax.random.key(0), jnp.ones((4, 3)))
        >>> model.apply(variables, jnp.ones((4, 3))).shape, list(jaxconv.state_dict(variables))
        ((4, 2), ['0.weight', '0.bias'])
    """

    def __init__(self, *args: Any, children: _Children | None = None, **more: Any):
        super().__init__(children=children or _children(sequential_children(args)), **more)

    def __call__(
        self, input: Any, *, use_running_average: bool | None = None, deterministic: bool | None = None
    ) -> Any:
        """Calls each child on what the one before gave.

        Args:
            input: the first child's.
            use_running_average: for the children whose call has it, BatchNorm say; None for none. A child
                whose constructor was given a mode keeps it.
            deterministic: likewise, Dropout say.
        """
        return in_order(
            self, input, {"use_running_average": use_running_average, "deterministic": deterministic}
        )


class ModuleList(_List):
    """torch.nn.ModuleList for Linen: modules in a list, with the names '0', '1', ..., to be made in `setup`.

    Examples:
        >>> len(jaxconv.linen.ModuleList([jaxconv.linen.ReLU(), jaxconv.linen.Tanh()]))
        2
    """

    def __init__(self, modules: Iterable[Any] = (), *, children: _Children | None = None, **more: Any):
        super().__init__(children=children or _children(numbered(modules)), **more)


class ModuleDict(_Container):
    """torch.nn.ModuleDict for Linen: modules by name, to be made in `setup`.

    Examples:
        >>> list(jaxconv.linen.ModuleDict({"relu": jaxconv.linen.ReLU(), "tanh": jaxconv.linen.Tanh()}))
        ['relu', 'tanh']
    """

    def __init__(
        self, modules: Mapping[str, Any] | None = None, *, children: _Children | None = None, **more: Any
    ):
        super().__init__(children=children or _children(dict(modules or {})), **more)

    def __getitem__(self, key: str) -> Any:
        if key not in self.children.names:
            raise KeyError(key)
        return self._child(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self.children.names)

    def __contains__(self, key: object) -> bool:
        return key in self.children.names

    def keys(self) -> Iterable[str]:
        """The names in their order."""
        return self.children.names

    def values(self) -> Iterable[Any]:
        """The modules in their order."""
        return [self._child(name) for name in self.children.names]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Both."""
        return zip(self.keys(), self.values(), strict=True)
