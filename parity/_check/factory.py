"""Networks by the names of what makes them: as a command line takes them, and as a written test imports them."""

import importlib
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
    """

    module: str
    name: str
    arguments: tuple[str, ...] | None = ()

    @property
    def expression(self) -> str:
        """The network, in Python, once `module` is imported."""
        called = "" if self.arguments is None else f"({', '.join(map(json.dumps, self.arguments))})"
        return f"{self.module}.{self.name}{called}"

    def make(self) -> Any:
        """The network."""
        made: Any = importlib.import_module(self.module)
        for part in self.name.split("."):
            made = getattr(made, part)
        return made if self.arguments is None else made(*self.arguments)


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
        if module in LIBRARIES:
            return Factory(*LIBRARIES[module], (name,))
    else:
        module, name = getattr(given, "__module__", ""), getattr(given, "__qualname__", "")
    if not module or not name or module == "__main__" or "<" in name:
        raise ValueError(
            f"{argument} (={given!r}) must be 'PKG.MOD:NAME', or a class or function that another file can import"
        )
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
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
