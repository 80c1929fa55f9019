"""Settles what names and shapes leave open: the way that brings the Flax network nearest to torch's."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVarTuple

import numpy as np
import torch

from parity._flax import run as flax_run
from parity._flax.network import Part
from parity._pairing.match import Matching
from parity._torch.network import inexact, widest
from parity._torch.tensors import from_numpy, to_numpy

NEAR = 1e-3
"""Relative distance, squared, at which nothing else is tried. A choice is no verdict: those are made later."""

_LARGEST = 8
"""How many layers of one shape may change partners: each pair of them is tried."""


_FAR_NEARER = 0.1
"""The share of the first choice's distance below which another choice is taken though neither is near."""

Rest = TypeVarTuple("Rest")


@dataclass(frozen=True)
class Fit:
    """How far apart two networks are with their arrays matched in one way.

    Attributes:
        module: torch's network.
        whole: the Flax network.
        inputs, outputs: of torch's network; its floating outputs.
        convert: as of `parity.check`.
    """

    module: torch.nn.Module
    whole: Part
    inputs: Sequence[np.ndarray]
    outputs: Sequence[np.ndarray]
    convert: str | None

    def distance(self, matching: Matching) -> float:
        """Between the outputs once the weights are carried over; or between the weights if none are.

        It is squared, and relative to torch's. Infinite where the Flax network does not run.
        """
        state = {name: to_numpy(t) for name, t in self.module.state_dict().items()}
        held = {name: np.asarray(a) for name, a in self.whole.arrays().items()}
        if self.convert is None:
            theirs = matching.to_flax(state)
            return _relative([held[name] for name in theirs], list(theirs.values()))
        outputs, whole = self.outputs, self.whole
        try:
            if self.convert == "to_torch":  # the same question, asked of the way back
                state = {**state, **matching.to_torch(held)}
                own = {name: from_numpy(np.ascontiguousarray(a)) for name, a in state.items()}
                with torch.no_grad():
                    theirs = torch.func.functional_call(self.module, own, tuple(map(from_numpy, self.inputs)))
                outputs = [to_numpy(y) for y in inexact(theirs)]
            elif held:
                whole = whole.with_weights({**held, **matching.to_flax(state)})
            return _relative(flax_run.forward(whole, self.inputs), outputs)
        except Exception:
            return np.inf


def _relative(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    if [a.shape for a in ours] != [a.shape for a in theirs]:
        return np.inf
    apart, size = 0.0, 0.0
    for a, b in zip(ours, theirs, strict=True):
        a, b = widest(a), widest(b)
        finite = np.isfinite(a) & np.isfinite(b)
        apart += float(np.square(np.abs(a[finite] - b[finite])).sum())
        size += float(np.square(np.abs(b[finite])).sum())
    return apart / (size or 1.0)


def settled(matching: Matching, flat: Mapping[str, tuple[int, ...]], fit: Fit) -> Matching:
    """The nearest matching.

    Args:
        matching: by names, order and shapes.
        flat: the dense layers that are given an image flattened, and its shape.
        fit: how far apart the networks are.
    """
    for path, shape in flat.items():
        ways = matching.with_flattened(path, shape), matching
        matching = min(ways, key=fit.distance)
    if not (matching.ways or _exchangeable(matching)):
        return matching
    tried = [(fit.distance(matching), matching)]
    while tried[-1][0] > NEAR:
        found = [(fit.distance(other), i, other) for i, other in enumerate(_others(tried[-1][1]))]
        distance, _, other = min(found, default=(np.inf, 0, matching))
        if not distance < tried[-1][0]:
            break
        tried.append((distance, other))
    return nearest([tried[0], tried[-1]])[1]


def nearest(tried: Sequence[tuple[float, *Rest]]) -> tuple[float, *Rest]:
    """The first of what was tried, with its distance, unless another is as near as a right one, or far nearer.

    Where the networks differ anyway, the most likely choice says best where.
    """
    best = min(tried, key=lambda found: found[0])
    return best if best[0] <= NEAR or best[0] < _FAR_NEARER * tried[0][0] else tried[0]


def _others(matching: Matching) -> Iterator[Matching]:
    """Every matching that differs in one choice: all arrays alike in another way, or two layers exchanged."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, ways in matching.ways.items():
        alike.setdefault(tuple(" ".join(link.how for link in way) for way in ways), []).append(name)
    for hows, names in alike.items():
        for i in range(len(hows)):
            other = matching
            for name in names:
                other = other.in_way(name, i)
            yield other
        if len(names) > 1:
            yield from (matching.in_way(name, i) for name in names for i in range(len(hows)))
    for group in _exchangeable(matching):
        pairs = itertools.combinations(group, 2)
        yield from (matching.exchanged(a, b) for a, b in pairs if not _told(matching, a, b))


def _told(matching: Matching, first: str, second: str) -> bool:
    """Whether names speak for the partners that two layers have: q_proj and query, k_proj and key."""
    (a, b), (c, d) = (
        (path.rpartition(".")[2][:1].lower(), matching.layers[path].rpartition(".")[2][:1].lower())
        for path in (first, second)
    )
    return a == b != c == d


def _exchangeable(matching: Matching) -> list[list[str]]:
    """The layers that have their partners by order only, and could have each other's."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for path in matching.by_order:
        links = matching.links[path]
        alike.setdefault(tuple(f"{link.torch} {link.flax} {link.how}" for link in links), []).append(path)
    return [paths for paths in alike.values() if 1 < len(paths) <= _LARGEST]
