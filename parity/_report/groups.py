"""What is said of several layers in the same words is said once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from parity._diagnose.hypothesis import Diagnosis

NAMED = 4
"""How many layers a line names."""


@dataclass(frozen=True)
class Fault:
    """Faults with the same cause and the same remedy.

    Attributes:
        first: one of them, whose lines are shown.
        layers: the layers, in words; empty for one between the layers.
        where: likewise; of one layer with its lines.
    """

    first: Diagnosis
    layers: str
    where: str

    def __str__(self) -> str:
        rest = f"{self.first.cause}: {self.first.fix}"
        return f"{self.where}: {rest}" if self.where else rest


def named(names: Sequence[str]) -> str:
    """The first few of these names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:NAMED])} and {more} more"


def layers(names: Sequence[str]) -> str:
    """One layer's name; of several also how many they are."""
    return names[0] if len(names) == 1 else f"{len(names)} layers ({named(names)})"


def faults(diagnosis: Iterable[Diagnosis]) -> list[Fault]:
    """The faults in their order, those with the same cause and the same remedy together."""
    together: dict[tuple[str, str], list[Diagnosis]] = {}
    for fault in diagnosis:
        together.setdefault((fault.cause, fault.fix), []).append(fault)
    found = []
    for first, *more in together.values():
        names = layers([fault.layer for fault in (first, *more)])
        found.append(Fault(first, names, names if more else first.where))
    return found


def findings(said: Iterable[tuple[str, str]]) -> list[str]:
    """Lines of pairs of a layer and what is said of it, those with the same words together."""
    together: dict[str, list[str]] = {}
    for layer, what in said:
        together.setdefault(what, []).append(layer)
    return [f"{layers(names)}: {what}" for what, names in together.items()]
