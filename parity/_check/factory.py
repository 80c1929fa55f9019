"""Networks by the names of what makes them: as a command line takes them, and as a written test imports them."""

import importlib
import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from flax import linen, nnx

LIBRARIES = {"timm": ("timm", "create_model"), "torchvision": ("torchvision.models", "get_model")}
"""A library's name before a colon: the module and the function that makes a network by the library's own name."""


@dataclass(frozen=True)
class Factory:
    """A function without arguments that makes a network, a finished network, or a library's network.

    Attributes:
        module, name: where Python finds it.
        arguments: what it is called with; None for a finished network.
        unset: the names of arguments for which it is given None.
    """

    module: str
    name: str
    arguments: tuple[str, ...] | None = ()
    unset: tuple[str, ...] = ()

    @property
    def expression(self) -> str:
        """The network, in Python, once `module` is imported."""
        if self.arguments is None:
            return f"{self.module}.{self.name}"
        given = [*map(json.dumps, self.arguments), *(f"{name}=None" for name in self.unset)]
        return f"{self.module}.{self.name}({', '.join(given)})"

    def make(self) -> Any:
        """The network."""
        found = _found(self.module, self.name)
        return found if self.arguments is None else found(*self.arguments, **dict.fromkeys(self.unset))


def _found(module: str, name: str) -> Any:
    found: Any = importlib.import_module(module)
    for attribute in name.split("."):
        found = getattr(found, attribute)
    return found


def of_library(library: str, name: str) -> Factory:
    """The factory of a network that one of `LIBRARIES` makes by the library's own name, without pretrained weights."""
    module, function = LIBRARIES[library]
    unset: tuple[str, ...] = ()
    if library == "torchvision":
        build = importlib.import_module(module).get_model_builder(name)
        # A detector would download its backbone's weights.
        unset = tuple(inspect.signature(build).parameters.keys() & {"weights_backbone"})
    return Factory(module, function, (name,), unset)


def is_network(value: Any) -> bool:
    """Whether it is a finished network, and not what makes one."""
    return isinstance(value, torch.nn.Module | nnx.Module | linen.Module | tuple)


def factory(given: str | Callable[[], Any], argument: str) -> Factory:
    """The factory that 'PKG.MOD:NAME', 'timm:NAME', 'torchvision:NAME', or a class or function, is.

    Raises:
        ValueError: it cannot be imported by its name.
    """
    if isinstance(given, str):
        module, _, name = given.partition(":")
    else:
        module, name = getattr(given, "__module__", ""), getattr(given, "__qualname__", "")
    if not module or not name or module == "__main__" or "<" in name:
        raise ValueError(
            f"{argument} (={given!r}) must be 'PKG.MOD:NAME', or a class or function that another file can import"
        )
    try:
        if isinstance(given, str) and module in LIBRARIES:
            return of_library(module, name)
        found = _found(module, name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"{argument} (={given!r}): {error}") from error
    return Factory(module, name, None if is_network(found) else ())


def of_class(network: Any) -> Factory | None:
    """The class of a network as its factory, if it can be imported and takes no arguments."""
    kind = type(network)
    if isinstance(network, tuple) or kind.__module__ not in sys.modules:
        return None
    try:
        made = factory(kind, "")
        made.make()
    except Exception:  # it takes arguments, or its module is gone
        return None
    return made
