"""torch.nn's containers as NNX modules: children are attributes under torch's names."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flax import nnx

from jaxconv._containers import check_child, in_order, is_module, numbered, position, sequential_children
from jaxconv._habits import Habits

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class Container(Habits, nnx.Module):
    """Children by name, in an order that is kept where Flax sorts attributes."""

    _order: tuple[str, ...]

    def __init__(self, children: Mapping[str, Any]):
        self._order = ()
        self._fill(children)

    def _fill(self, children: Mapping[str, Any]) -> None:
        """Has these children and no others."""
        for name, child in children.items():
            check_child(name, child)
            if name not in self._order and hasattr(self, name):
                raise KeyError(f"attribute '{name}' already exists")
        for name in self._order:
            delattr(self, name)
        for name, child in children.items():
            setattr(self, name, child)
        self._order = tuple(children)

    def __setattr__(self, name: str, value: Any) -> None:
        # NNX remembers of a name whether it holds data, even when it is deleted; where a function was, there may come
        # a module, whose parameters would be missing in the pytree.
        if callable(value) or is_module(value):
            value = nnx.data(value) if nnx.is_data(value) else nnx.static(value)
        super().__setattr__(name, value)

    def _children(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._order}

    def __len__(self) -> int:
        return len(self._order)


class _List(Container):
    """Children that are counted."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children().values())

    def __getitem__(self, index: Any) -> Any:
        """One child, or those of a slice in a container of the same kind, in which a Sequential's keep their names."""
        if isinstance(index, slice):
            return self._sliced({name: getattr(self, name) for name in self._order[index]})
        return getattr(self, self._order[position(index, len(self))])

    def __setitem__(self, index: int, module: Any) -> None:
        name = self._order[position(index, len(self))]
        check_child(name, module)
        setattr(self, name, module)

    def __delitem__(self, index: int | slice) -> None:
        """Takes children out; those behind are counted anew, as in torch."""
        left = list(self)
        del left[index]
        self._fill(numbered(left))

    def append(self, module: Any) -> Any:
        """One more child at the end; gives the container back, as in torch."""
        name = str(len(self))
        if name in self._order:  # a slice's children keep their names, '2' and '3' say
            return self.insert(len(self), module)
        self._fill(self._children() | {name: module})
        return self

    def extend(self, modules: Iterable[Any]) -> Any:
        """More children at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Any) -> Any:
        """One more child before `index`; those behind are counted anew."""
        children = list(self)
        children.insert(index, module)
        self._fill(numbered(children))
        return self

    def pop(self, index: int = -1) -> Any:
        """Takes a child out and gives it."""
        module = self[index]
        del self[position(index, len(self))]
        return module

    def __iadd__(self, other: Iterable[Any]) -> Any:
        return self.extend(other)

    def __add__(self, other: Iterable[Any]) -> Any:
        return self._like(numbered([*self, *other]))

    def _sliced(self, children: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _like(self, children: Mapping[str, Any]) -> Any:
        new: Any = type(self)()  # type: ignore[call-arg]
        new._fill(children)
        return new


class Sequential(_List):
    """torch.nn.Sequential: modules and functions one after the other.

    `Sequential(a, b)` has children '0' and '1', `Sequential(OrderedDict(conv=a, act=b))` 'conv' and 'act'. What is no
    module, `jax.nn.relu` say, has a number too, but no parameters.

    Raises:
        TypeError: something that cannot be called.

    Examples:
        >>> model = jaxconv.Sequential(jaxconv.Linear(3, 2, rngs=nnx.Rngs(0)), jaxconv.ReLU())
        >>> model(jnp.ones((4, 3))).shape, list(jaxconv.state_dict(model))
        ((4, 2), ['0.weight', '0.bias'])
    """

    def __init__(self, *args: Any):
        super().__init__(sequential_children(args))

    def _sliced(self, children: Mapping[str, Any]) -> Any:
        return self._like(children)

    def __call__(
        self, input: Any, *, use_running_average: bool | None = None, deterministic: bool | None = None
    ) -> Any:
        """Calls each child on what the one before gave.

        Args:
            input: the first child's.
            use_running_average: for the children whose call has it, BatchNorm say; None for none.
            deterministic: likewise, Dropout say.
        """
        return in_order(
            self, input, {"use_running_average": use_running_average, "deterministic": deterministic}
        )


class ModuleList(_List):
    """torch.nn.ModuleList: modules in a list, with the names '0', '1', ...

    Args:
        modules: an iterable of modules, or None for an empty list.

    Examples:
        >>> blocks = jaxconv.ModuleList([jaxconv.ReLU(), jaxconv.Tanh()])
        >>> len(blocks.append(jaxconv.GELU()))
        3
    """

    def __init__(self, modules: Iterable[Any] | None = None):
        super().__init__(numbered(modules or ()))

    def _sliced(self, children: Mapping[str, Any]) -> Any:
        return self._like(numbered(children.values()))


class ModuleDict(Container):
    """torch.nn.ModuleDict: modules by name.

    Args:
        modules: a mapping or an iterable of (name, module), or None.

    Raises:
        KeyError: a name that is an attribute or method of the class, as in torch.

    Examples:
        >>> heads = jaxconv.ModuleDict({"relu": jaxconv.ReLU(), "tanh": jaxconv.Tanh()})
        >>> list(heads), heads["relu"](jnp.array([-1.0])).tolist()
        (['relu', 'tanh'], [0.0])
    """

    def __init__(self, modules: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None):
        super().__init__(dict(modules or {}))

    def __iter__(self) -> Iterator[str]:
        return iter(self._order)

    def __contains__(self, key: object) -> bool:
        return key in self._order

    def __getitem__(self, key: str) -> Any:
        if key not in self._order:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, module: Any) -> None:
        self.update({key: module})

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def update(self, modules: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """More modules, or others in the place of some."""
        self._fill(self._children() | dict(modules))

    def pop(self, key: str) -> Any:
        """Takes a module out and gives it."""
        module = self[key]
        self._fill({name: child for name, child in self._children().items() if name != key})
        return module

    def clear(self) -> None:
        """Takes all out."""
        self._fill({})

    def keys(self) -> Iterable[str]:
        """The names in their order."""
        return self._children().keys()

    def values(self) -> Iterable[Any]:
        """The modules in their order."""
        return self._children().values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Both."""
        return self._children().items()
