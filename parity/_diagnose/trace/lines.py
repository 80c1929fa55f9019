"""The user's line that makes an operation, on either side."""

import functools
import linecache
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

import flax
import jax
import jaxlib
import numpy
import torch

import jaxconv
from parity._diagnose.hypothesis import Place
from parity._diagnose.trace.values import Line

_AROUND = 1
"""How many lines an excerpt has on either side of the one it is about."""


def _folder(module: ModuleType) -> str:
    return str(Path(module.__file__ or "").parent)


_PARITY = f"{Path(__file__).parents[2]}/"
_PACKAGES = tuple(
    f"{folder}/"
    for folder in (
        *(_folder(module) for module in (torch, flax, jax, jaxlib, numpy, jaxconv)),
        str(Path(_folder(numpy)).parent / "einops"),
    )
)
_STANDARD = f"{sysconfig.get_path('stdlib')}/"
_SITE = tuple(f"{sysconfig.get_path(name)}/" for name in ("purelib", "platlib"))


@functools.cache
def is_library(file: str) -> bool:
    """Whether a file belongs to torch, JAX, Flax, jaxconv, parity, NumPy, einops or Python itself."""
    file = file.replace("\\", "/")
    inside = file.startswith(_STANDARD) and not file.startswith(_SITE)
    return file.startswith((_PARITY, *_PACKAGES, "<frozen ")) or file == "<string>" or inside


def users(frames: Iterable[tuple[str, int]]) -> tuple[Line, ...]:
    """The user's among these files and line numbers, as far as the call that parity makes; the innermost first."""
    found = []
    for file, number in frames:
        if file.startswith(_PARITY):
            break
        if not is_library(file):
            found.append((file, number))
    return tuple(found)


def here() -> tuple[Line, ...]:
    """The user's lines that are running, the innermost first."""
    frame = sys._getframe(2)  # the caller is parity's, too
    frames = []
    while frame is not None:
        frames.append((frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back  # type: ignore[assignment]
    return users(frames)


def place(stack: Sequence[Line], does: str) -> Place | None:
    """The innermost of these lines with the lines around it, and the others as its callers."""
    if not stack:
        return None
    file, number = stack[0]
    around = range(max(1, number - _AROUND), number + _AROUND + 1)
    excerpt = tuple((n, linecache.getline(file, n).rstrip()) for n in around)
    return Place(file, number, excerpt, does, tuple(f"{Path(f).name}:{n}" for f, n in stack[1:]))
