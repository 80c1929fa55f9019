"""What is found, and the tools to make a mistake on purpose."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F


@dataclass(frozen=True)
class Place:
    """A line of the user's code.

    Attributes:
        file: its path.
        line: its number.
        excerpt: the numbers and texts of the line and of those around it.
        does: what the line computes, in words.
        callers: the user's lines that call the function with the line, as 'file:line', the innermost first.
    """

    file: str
    line: int
    excerpt: tuple[tuple[int, str], ...]
    does: str
    callers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file's name and the line's number: 'model.py:41'."""
        return f"{Path(self.file).name}:{self.line}"

    @property
    def code(self) -> str:
        """The line itself."""
        return next(text.strip() for number, text in self.excerpt if number == self.line)


@dataclass(frozen=True)
class Diagnosis:
    """One fault and its remedy.

    Attributes:
        layer: torch's path of the layer, or the place in the network where the fault is.
        cause: a stable id such as 'padding.same'; 'unknown' where no hypothesis explains the difference.
        fix: what to write, or for an unknown cause what the error looks like.
        torch, flax: the lines of either side from which on the networks differ, if they are known.
    """

    layer: str
    cause: str
    fix: str
    torch: Place | None = None
    flax: Place | None = None

    @property
    def where(self) -> str:
        """The layer and the lines, as far as they are known."""
        lines = ", ".join(place.name for place in (self.torch, self.flax) if place is not None)
        return " ".join(filter(None, (self.layer, f"({lines})" if lines and self.layer else lines)))

    def __str__(self) -> str:
        where = self.where
        return f"{where}: {self.cause}: {self.fix}" if where else f"{self.cause}: {self.fix}"


def changed(module: torch.nn.Module, **attributes: Any) -> torch.nn.Module:
    """A copy with other attributes."""
    new = copy.deepcopy(module)
    for name, value in attributes.items():
        setattr(new, name, value)
    return new


def computing(module: torch.nn.Module, forward: Callable[..., Any]) -> torch.nn.Module:
    """A copy with another forward: forward(module, *inputs). It shares what the module holds."""
    kind: Any = type(type(module).__name__, (type(module),), {"forward": forward})
    new: torch.nn.Module = kind.__new__(kind)  # copy.copy refuses a module with parametrizations
    new.__dict__.update(module.__dict__)
    return new


def with_weight(
    module: torch.nn.Module, change: Callable[[torch.Tensor], torch.Tensor]
) -> torch.nn.Module | None:
    """A copy whose weight is changed, if its shape stays."""
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    with torch.no_grad():
        other = change(weight)
        if other.shape != weight.shape or torch.equal(other, weight):
            return None
        new = copy.deepcopy(module)
        new.weight.copy_(other)  # type: ignore[operator]
    return new


Pads = list[tuple[int, int]]
"""(low, high) of each spatial dimension."""


def same_pads(size: Any, kernel: Any, stride: Any, dilation: Any, end: bool = True) -> Pads:
    """TensorFlow's and Flax's SAME: an output of size / stride, the odd element at the end (or the beginning)."""
    pads = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if end else (large, small))
    return pads


def padded(x: torch.Tensor, pads: Pads, value: float = 0.0) -> torch.Tensor:
    """x with (low, high) pairs around its last dimensions."""
    return F.pad(x, [p for pair in reversed(pads) for p in pair], value=value)
