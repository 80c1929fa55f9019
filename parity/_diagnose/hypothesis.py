"""What a hypothesis is, and the tools to write one."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Diagnosis:
    """One fault and its remedy.

    Attributes:
        layer: torch's path of the layer, or the place in the network where the fault is.
        cause: a stable id such as 'padding.same'; 'unknown' where no hypothesis explains the difference.
        fix: what to write, or for an unknown cause what the error looks like.
    """

    layer: str
    cause: str
    fix: str

    def __str__(self) -> str:
        where = f"{self.layer}: " if self.layer else ""
        return f"{where}{self.cause}: {self.fix}"


@dataclass(frozen=True)
class Hypothesis:
    """A mistake: torch's layer with the mistake made on purpose. If that is what Flax computes, it is the cause."""

    cause: str
    fix: str
    module: torch.nn.Module


Hypotheses = Iterator[Hypothesis]


def changed(module: torch.nn.Module, **attributes: Any) -> torch.nn.Module:
    """A copy with other attributes."""
    new = copy.deepcopy(module)
    for name, value in attributes.items():
        setattr(new, name, value)
    return new


def computing(module: torch.nn.Module, forward: Callable[..., Any]) -> torch.nn.Module:
    """A copy with another forward: forward(module, *inputs). It shares what the module holds."""
    new = copy.copy(module)
    new.__class__ = type(type(module).__name__, (type(module),), {"forward": forward})
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
