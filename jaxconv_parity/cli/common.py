"""What all commands share: exit statuses, and what can keep one from running."""

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

OK, DIFFERENT, COULD_NOT_RUN = 0, 1, 2

NAMES = """\
A network's name is PKG.MOD:NAME, where NAME is a network, or a class or function that makes one without arguments.
timm:NAME calls timm.create_model(NAME), torchvision:NAME calls torchvision.models.get_model(NAME). Nothing is
downloaded: the weights are random."""
"""How a command line names torch's network; the end of each such command's help."""


class Unusable(Exception):
    """What was asked for cannot run, and why."""


def require_torch() -> None:
    """torch is optional."""
    if importlib.util.find_spec("torch") is None:
        raise Unusable("torch is not installed: pip install 'jaxconv[parity]'")


def require_directories(*paths: Path | None) -> None:
    """Known before anything runs, not when the result is to be written."""
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise Unusable(f"cannot write {path}: there is no directory {path.parent}")


def device_named(name: str) -> Any:
    """The first device of a platform."""
    import jax

    try:
        return jax.devices(name)[0]
    except RuntimeError as error:
        raise Unusable(f"`--device` (={name}): JAX finds no such device: {error}") from error


def found(text: str, what: str) -> Any:
    """What 'PKG.MOD:NAME' names; modules are looked for in the working directory first, as Python does."""
    module, _, name = text.partition(":")
    if not module or not name:
        raise Unusable(f"`{what}` (={text!r}) must be PKG.MOD:NAME, a module and a name in it")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a user's module does
        raise Unusable(f"`{what}`: cannot import {module!r}: {type(error).__name__}: {error}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise Unusable(f"`{what}`: {module!r} has no {name!r}")
        found = getattr(found, part)
    return found
