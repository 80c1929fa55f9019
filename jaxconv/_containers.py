"""What torch.nn.Sequential, ModuleList and ModuleDict are to both fronts: named children in an order."""

import inspect
import operator
from collections.abc import Iterable, Mapping
from typing import Any

from flax import linen as nn
from flax import nnx


def numbered(modules: Iterable[Any]) -> dict[str, Any]:
    """Children under '0', '1', ..., torch's names for them."""
    return {str(i): module for i, module in enumerate(modules)}


def is_module(child: Any) -> bool:
    """Whether it is a module of either front, which may have methods of other names than `__call__`."""
    return isinstance(child, nnx.Module | nn.Module)


def sequential_children(args: tuple[Any, ...]) -> dict[str, Any]:
    """The children of `Sequential(*modules)` or `Sequential(OrderedDict(...))`.

    Raises:
        TypeError: something that cannot be called.
    """
    children = dict(args[0]) if len(args) == 1 and isinstance(args[0], Mapping) else numbered(args)
    for name, child in children.items():
        check_child(name, child)
    return children


def check_child(name: Any, child: Any) -> None:
    """A child is a module or a function, under a name that is an attribute's and has no dot."""
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"module name must be a non-empty string without '.', got {name!r}")
    if not callable(child) and not is_module(child):
        raise TypeError(
            f"{name!r} must be a module or a function, got {child!r} of type {type(child).__name__}"
        )


def position(index: Any, size: int) -> int:
    """A list's index, counted from the front; IndexError as torch's."""
    at = operator.index(index)
    if not -size <= at < size:
        raise IndexError(f"index {at} is out of range")
    return at % size


def in_order(modules: Iterable[Any], input: Any, modes: Mapping[str, Any]) -> Any:
    """Calls each module on what the one before gave.

    Args:
        modules: modules and functions.
        input: the first one's.
        modes: arguments such as `use_running_average` for the modules whose call has them, None for none. A Linen
            module whose constructor was given the mode keeps it.
    """
    given = {name: mode for name, mode in modes.items() if mode is not None}
    for module in modules:
        input = module(input, **(_taken(module, given) if given and is_module(module) else {}))
    return input


def _taken(module: Any, modes: Mapping[str, Any]) -> dict[str, Any]:
    known = inspect.signature(type(module).__call__).parameters
    kept = {
        name for name in modes if isinstance(module, nn.Module) and getattr(module, name, None) is not None
    }
    return {name: mode for name, mode in modes.items() if name in known and name not in kept}
