"""Which Flax layer is which torch layer: by name, or by order and shape; and the ledger of all tensors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from parity._flax.layout import Group, Link, flattened
from parity._flax.network import Part
from parity._pairing.weights import ways

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Entry:
    """A tensor's line in the ledger: its full names on both sides (None where it is missing) and how it is laid out."""

    torch: str | None
    flax: str | None
    how: str


@dataclass(frozen=True)
class Matching:
    """What belongs to what.

    Attributes:
        layers: torch's path -> the Flax path.
        links: torch's path -> how the arrays of the two layers correspond.
        loose: arrays outside of layers, by full names.
        groups: arrays that hold together what several of the other side's hold.
        missing: torch's tensors without a partner, by full name.
        extra: the Flax network's.
        by_order: the layers that were found by order and shape only.
        ways: torch's path -> every way in which its arrays may lie, if several are possible; likewise for a loose
            array, by its full name.
    """

    layers: Mapping[str, str]
    links: Mapping[str, tuple[Link, ...]]
    loose: tuple[Link, ...] = ()
    groups: tuple[Group, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    by_order: tuple[str, ...] = ()
    ways: Mapping[str, Sequence[tuple[Link, ...]]] = field(default_factory=dict)

    def all(self) -> list[Link]:
        """Every correspondence of one array to one, by full names."""
        return [
            replace(link, torch=join(path, link.torch), flax=join(self.layers[path], link.flax))
            for path, found in self.links.items()
            for link in found
        ] + list(self.loose)

    @property
    def ledger(self) -> tuple[Entry, ...]:
        """Every tensor of both sides."""
        entries = [Entry(link.torch, link.flax, link.how) for link in self.all()]
        for group in self.groups:
            together = ", ".join(group.torch if len(group.torch) > len(group.flax) else group.flax)
            few = group.flax if len(group.torch) > len(group.flax) else group.torch
            for name in group.torch:
                entries.append(
                    Entry(name, ", ".join(group.flax), f"{group.how}: {', '.join(few)} <-> {together}")
                )
        entries += [Entry(name, None, "no partner") for name in self.missing]
        return (*entries, *(Entry(None, name, "no partner") for name in self.extra))

    def to_flax(self, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """torch's arrays under the Flax names, in the Flax layout."""
        found = {link.flax: link.to_flax(state[link.torch]) for link in self.all() if link.torch in state}
        for group in self.groups:
            arrays = group.to_flax(*(state[name] for name in group.torch))
            found |= {name: np.asarray(a) for name, a in zip(group.flax, arrays, strict=True)}
        return found

    def to_torch(self, held: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The Flax network's arrays under torch's names, in torch's layout."""
        found = {link.torch: link.to_torch(held[link.flax]) for link in self.all() if link.flax in held}
        for group in self.groups:
            found |= group.to_torch([held[name] for name in group.flax])
        return found

    def with_flattened(self, path: str, shape: tuple[int, ...]) -> "Matching":
        """The same where a dense layer's inputs are an image that each side flattens in its own layout."""
        new = tuple(flattened(x, shape) if x.torch == "weight" else x for x in self.links[path])
        return replace(self, links={**self.links, path: new})

    def in_way(self, name: str, index: int) -> "Matching":
        """The same where a layer's arrays, or a loose array, lie in another of their ways."""
        way = self.ways[name][index]
        if name in self.links:
            return replace(self, links={**self.links, name: way})
        return replace(self, loose=tuple(way[0] if link.torch == name else link for link in self.loose))

    def exchanged(self, first: str, second: str) -> "Matching":
        """The same where two layers have each other's partner."""
        layers = {**self.layers, first: self.layers[second], second: self.layers[first]}
        links = {**self.links, first: self.links[second], second: self.links[first]}
        return replace(self, layers=layers, links=links)


def join(path: str, name: str) -> str:
    """A tensor's full name."""
    return f"{path}.{name}" if path else name


def normal(path: str) -> str:
    """Names as people write them twice: 'layer1.0.conv1', 'layer1_0.conv1' and 'layer1.layers_0.Conv1' are one."""
    words = [w for w in re.split(r"[._/]", path.lower()) if w and w != "layers"]
    return "_".join(words)


class Holder(NamedTuple):
    """What may be a layer's partner: a Flax module (None for bare arrays), and what it holds itself."""

    module: Any
    shapes: Shapes


def holders(parts: Mapping[str, Part], whole: Part) -> dict[str, Holder]:
    """The Flax network's by path: its modules, or where it has none, the branches of its tree of arrays."""
    if parts:
        return {path: Holder(part.module, shapes(part)) for path, part in parts.items()}
    found: dict[str, Holder] = {}
    for name, array in whole.arrays().items():
        path, _, own = name.replace("/", ".").rpartition(".")
        place = name[: len(path)]
        found.setdefault(place, Holder(None, {})).shapes[own] = tuple(np.shape(array))
    return found


def shapes(part: Part) -> Shapes:
    """The shapes of what a part itself holds, by name, without its child modules'."""
    return {name: tuple(np.shape(a)) for name, a in part.arrays().items() if "." not in name}


def torch_layers(module: torch.nn.Module, order: Sequence[str]) -> dict[str, torch.nn.Module]:
    """torch's modules without child modules, in the order of their calls, then those that were not called."""
    theirs = {name: m for name, m in module.named_modules(remove_duplicate=False) if not list(m.children())}
    return {name: theirs[name] for name in dict.fromkeys([*order, *theirs]) if name in theirs}


def match(
    module: torch.nn.Module,
    order: Sequence[str],
    parts: Mapping[str, Part],
    whole: Part,
    mapping: Mapping[str, str] | None = None,
) -> Matching:
    """Finds the partners of torch's layers that names tell.

    Args:
        module: torch's network.
        order: the paths of its layers in the order of their calls.
        parts: the Flax network's modules by path.
        whole: the Flax network.
        mapping: torch's path -> the Flax path, where names differ and order would mislead; of parameters outside of
            layers, their full names.

    Raises:
        ValueError: `mapping` names something that is not there, or two that cannot be the same: all at once.
    """
    theirs = torch_layers(module, order)
    ours = holders(parts, whole)
    layers: dict[str, str] = {}
    found: dict[str, Sequence[tuple[Link, ...]]] = {}

    def take(path: str, other: str) -> bool:
        pairs = ways(theirs[path], *ours[other])
        if pairs:
            layers[path], found[path] = other, pairs
        return bool(pairs)

    tensors = {*dict(module.named_parameters()), *dict(module.named_buffers())}
    arrays = whole.arrays()
    problems = []
    for path, other in (mapping or {}).items():
        if path in tensors and path not in theirs:
            problems += [] if other in arrays else [f"the Flax network has no array {other!r}"]
        elif path not in theirs:
            problems.append(f"torch has no layer {path!r}")
        elif other not in ours:
            problems.append(f"the Flax network has no layer {other!r}")
        elif not take(path, other):
            problems.append(f"{path!r} and {other!r} do not hold the same arrays")
    if problems:
        known = f"torch's layers: {', '.join(theirs)}; the Flax network's: {', '.join(p for p in ours if p)}"
        raise ValueError(f"`mapping`: {'; '.join(problems)} ({known})")
    for path in theirs:
        if path in ours and path not in layers and path not in (mapping or {}).values():
            take(path, path)
    by_name: dict[str, list[str]] = {}
    for other in ours:
        by_name.setdefault(normal(other), []).append(other)
    for path in theirs:
        same = by_name.get(normal(path), [])
        if path not in layers and len(same) == 1 and same[0] not in layers.values():
            take(path, same[0])
    return Matching(
        layers,
        {path: pairs[0] for path, pairs in found.items()},
        ways={path: pairs for path, pairs in found.items() if len(pairs) > 1},
    )


def by_order(
    matching: Matching, theirs: Mapping[str, torch.nn.Module], left: Mapping[str, Holder]
) -> Matching:
    """What names do not tell: the first Flax layer left that holds the same arrays, in the order of the calls."""
    free = dict(left)
    for path, layer in theirs.items():
        if not any(True for _ in layer.parameters()):
            continue
        for other, holder in free.items():
            if pairs := ways(layer, *holder):
                matching = replace(
                    matching,
                    layers={**matching.layers, path: other},
                    links={**matching.links, path: pairs[0]},
                    by_order=(*matching.by_order, path),
                    ways={**matching.ways, **({path: pairs} if len(pairs) > 1 else {})},
                )
                del free[other]
                break
    return matching
