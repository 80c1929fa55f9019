"""The search for the smallest sub-networks and inputs that still differ."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from parity._check.compare import Compared, Options, compared
from parity._check.inputs import drawn_like, of_shape
from parity._flax import network as flax_network
from parity._flax.network import Part
from parity._flax.submodule import alone
from parity._pairing.align import spatial
from parity._pairing.match import normal
from parity._report.progress import Tell, silent
from parity._report.report import Report
from parity._torch.original import original
from parity._torch.plain import keeps_its_parametrizations
from parity._torch.tensors import from_numpy, to_numpy

_SIZES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""The spatial sizes that are tried, smallest first."""


@dataclass(frozen=True)
class Candidate:
    """Two sub-networks and what they are given.

    Attributes:
        path, flax_path: of the sub-networks; empty for the networks.
        theirs, ours: the sub-networks, as `parity.check` takes them.
        inputs: arrays.
        layout, mapping: as of `parity.check`.
        drawn: whether the inputs are drawn from the seed.
    """

    path: str
    flax_path: str
    theirs: torch.nn.Module
    ours: Any
    inputs: tuple[np.ndarray, ...]
    layout: Literal["NCHW", "NHWC"] | None
    mapping: Mapping[str, str] | None
    drawn: bool = False


def kinds(report: Report) -> set[str]:
    """What differs: the forward pass, the backward pass with buffers, or that something does not run at all."""
    wrong = [v for layer in report.layers if not layer.ok for v in layer.verdicts if not v.ok]
    found = set()
    for v in (*wrong, *(v for v in report.network if not v.ok)):
        if "refused torch's input" in v.reason or "does not run" in v.reason:
            found.add("refused")
        else:
            found.add("backward" if v.name.startswith(("grad.", "buffer.")) else "forward")
    return found


class Search:
    """Compares candidates, and keeps the smallest that differs as the networks do.

    Args:
        whole: the comparison of the networks, which differ.
        model: the Flax network.
        options: of the comparisons.
        seed: of inputs, cotangents and noise.
        tell: is told what is tried.
    """

    def __init__(self, whole: Compared, model: Any, options: Options, seed: int, tell: Tell):
        self.whole, self.model, self.options, self.seed, self.tell = whole, model, options, seed, tell
        found = kinds(whole.report)
        self.kind = next(kind for kind in ("refused", "forward", "backward") if kind in found)
        self.count = 0
        self.unknown: set[str] = set()

    def compare(self, candidate: Candidate, options: Options, backward: bool = True) -> Compared:
        """Compares the sub-networks; raises as `parity.check`."""
        options = replace(options, layout=candidate.layout, mapping=candidate.mapping)
        plain = not keeps_its_parametrizations(iter(flax_network.network(candidate.ours).arrays()))
        theirs = original(
            candidate.theirs, candidate.inputs, self.seed, options.memory_limit, plain, backward
        )
        return compared(theirs, candidate.ours, options, silent)

    def differs(self, candidate: Candidate) -> bool:
        """Whether the sub-networks differ as the networks do, and nothing would keep right ones from passing."""
        self.count += 1
        shapes = ", ".join("x".join(map(str, x.shape)) for x in candidate.inputs)
        self.tell(f"{candidate.path or 'the network'} on {shapes}", 1 - 0.95**self.count)
        try:
            # What differs forward is seen without a backward pass.
            backward = self.kind == "backward"
            options = replace(self.options, causes=False, layers=False)
            report = self.compare(candidate, options, backward).report
        except (ValueError, TypeError):
            self.unknown.add(candidate.path)
            return False
        found = kinds(report)
        if self.kind != "refused" and "refused" in found:  # a list of modules, which is not called itself
            self.unknown.add(candidate.path)
            return False
        return self.kind in found and (bool(self.whole.report.problems) or not report.problems)

    def smallest(self) -> Candidate:
        """The layer that differs on its own, else the innermost module that differs, else the networks."""
        theirs, pair, report = self.whole.theirs, self.whole.pair, self.whole.report
        layout, mapping = self.options.layout, self.options.mapping
        current = Candidate("", "", theirs.module, self.model, tuple(theirs.inputs), layout, mapping)
        found = flax_network.layers(self.model, pair.whole, theirs.inputs)
        given = _given(theirs.module, theirs.inputs)

        def candidate(path: str, other: str | None, layout: Any) -> Candidate | None:
            if other is None or other not in found or path not in given:
                return None
            inner = {
                name.removeprefix(f"{path}."): target.removeprefix(f"{other}.")
                for name, target in (mapping or {}).items()
                if name.startswith(f"{path}.") and target.startswith(f"{other}.")
            }
            module = theirs.module.get_submodule(path)
            return Candidate(path, other, module, alone(found[other]), given[path], layout, inner or None)

        wrong = [r.path for r in report.layers if not r.ok and r.path in pair.parts and r.path]
        for path in dict.fromkeys(wrong):
            # Of a lone normalisation nothing tells the layout; of the network it is known.
            last = "NHWC" if pair.parts[path].border.ranks else layout
            one = candidate(path, pair.matching.layers.get(path), last)
            if one is not None and self.differs(one):
                return one
        blocks = {}
        for path in given:
            if path and any(True for _ in theirs.module.get_submodule(path).children()):
                block = candidate(path, _partner(path, found, pair.matching.layers), layout)
                blocks.update({} if block is None else {path: block})
        return self._innermost(blocks, current)

    def _innermost(self, blocks: Mapping[str, Candidate], current: Candidate) -> Candidate:
        rest = _inside(list(blocks), current.path)
        while rest:
            path = rest.pop(0)
            if self.differs(blocks[path]):
                return self._innermost(blocks, blocks[path])
            if path in self.unknown:
                rest = [*_inside(list(blocks), path), *rest]
        return current

    def drawn(self, candidate: Candidate) -> Candidate:
        """The same with inputs drawn from the seed, if the sub-networks differ on these."""
        tried = replace(candidate, inputs=drawn_like(candidate.inputs, self.seed), drawn=True)
        return tried if self.differs(tried) else candidate

    def shrunk(self, candidate: Candidate) -> Candidate:
        """The same on the smallest inputs that were found: fewer in the batch, and smaller in space."""
        axes = _spatial_axes(candidate)
        shape = candidate.inputs[0].shape
        ways = [[(n, *shape[1:]) for n in range(1, min(shape[0], 3))] if len(shape) > 1 else []]
        if len(axes) > 1:
            ways.append([tuple(min(n, s) if i in axes else n for i, n in enumerate(shape)) for s in _SIZES])
        ways += [[(*shape[:i], s, *shape[i + 1 :]) for s in _SIZES] for i in axes]
        for way in ways:
            for wanted in way:
                now = candidate.inputs[0].shape
                smaller = tuple(min(a, b) for a, b in zip(wanted, now, strict=True))
                if smaller != now and self.differs(tried := self._sized(candidate, smaller)):
                    candidate = tried
                    break
        return candidate

    def _sized(self, candidate: Candidate, shape: tuple[int, ...]) -> Candidate:
        if candidate.drawn:
            wanted = of_shape(candidate.inputs, shape, [self.seed])
            return replace(candidate, inputs=drawn_like(wanted, self.seed))
        before = candidate.inputs[0].shape
        cut = [
            [slice(shape[i]) if before[i : i + 1] == (n,) else slice(None) for i, n in enumerate(x.shape)]
            for x in candidate.inputs
        ]
        return replace(
            candidate, inputs=tuple(x[tuple(to)] for x, to in zip(candidate.inputs, cut, strict=True))
        )


def _given(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> dict[str, tuple[np.ndarray, ...]]:
    """What each module of torch's is given in its first call, in that order, if that is arrays by position only."""
    began: dict[str, tuple[Any, Any]] = {}
    copied = copy.deepcopy(module)
    for path, inner in copied.named_modules():

        def note(_: Any, args: Any, kwargs: Any, path: str = path) -> None:
            began.setdefault(path, ([x.clone() if isinstance(x, torch.Tensor) else x for x in args], kwargs))

        inner.register_forward_pre_hook(note, with_kwargs=True)
    with torch.no_grad():
        copied(*map(from_numpy, inputs))
    return {
        path: tuple(map(to_numpy, args))
        for path, (args, kwargs) in began.items()
        if args and not kwargs and all(isinstance(x, torch.Tensor) for x in args)
    }


def _inside(paths: Sequence[str], above: str) -> list[str]:
    """The outermost of the modules inside the one above."""
    inner = [path for path in paths if not above or path.startswith(f"{above}.")]
    return [path for path in inner if not any(path.startswith(f"{other}.") for other in inner)]


def _partner(path: str, found: Mapping[str, Part], layers: Mapping[str, str]) -> str | None:
    """The Flax module of the same name, or the innermost one that holds the partners of all layers inside."""
    if path in found:
        return path
    same = [other for other in found if normal(other) == normal(path)]
    if len(same) == 1:
        return same[0]
    partners = [other.split(".") for name, other in layers.items() if name.startswith(f"{path}.")]
    shared: list[str] = []
    for names in zip(*partners, strict=False) if len(partners) > 1 else ():
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared) if ".".join(shared) in found else None


def _spatial_axes(candidate: Candidate) -> list[int]:
    """The dimensions of the first input that are no batch and no channels."""
    x = candidate.inputs[0]
    if x.ndim > 3 or (x.ndim == 3 and spatial(candidate.theirs)):
        return list(range(2, x.ndim))
    return [1] if x.ndim == 3 or (x.ndim == 2 and x.dtype.kind in "iu") else []
