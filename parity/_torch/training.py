"""torch's network trained for a few steps, with everything that each step leaves."""

import copy
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from parity._bounds.tolerance import Arithmetic
from parity._torch.monte_carlo import Wide
from parity._torch.network import Arrays, inexact, names, widest, widest_by_default
from parity._torch.original import Original, Samples, rms
from parity._torch.tensors import from_numpy, to_numpy


@dataclass(frozen=True)
class Recipe:
    """How both networks are trained.

    Attributes:
        steps: how many steps.
        optimizers: a function of torch's parameters that makes a torch optimizer, and an optax transformation.
        losses: torch's and the Flax network's, of the output, or of a list of several; None for half the mean square
            of the distance from random targets, added up over the outputs.
        frozen: the names of torch's parameters that are not trained.
    """

    steps: int
    optimizers: tuple[Callable[[Any], torch.optim.Optimizer], Any]
    losses: tuple[Callable[[Any], Any], Callable[[Any], Any]] | None
    frozen: frozenset[str] = frozenset()


class Training(Original):
    """torch's network while it is trained: results by names such as 'step1.parameter.conv.weight'.

    Args:
        original: the network on one input.
        recipe: how it is trained.
    """

    def __init__(self, original: Original, recipe: Recipe):
        super().__init__(original.module, original.inputs, original.seed, original.limit)
        self.recipe = recipe

    @property
    def targets(self) -> Sequence[np.ndarray]:
        """What the outputs are to become, if there is no other loss."""
        return self.cotangents

    @cached_property
    def start(self) -> Arrays:
        """The parameters before the first step, by name."""
        return {n: to_numpy(p) for n, p in self.module.named_parameters(remove_duplicate=False)}

    @cached_property
    def theirs(self) -> Arrays:
        """torch's results."""
        return self._trained()

    @cached_property
    def wanted(self) -> Arrays:
        """The same in float64."""
        return self._trained(wide=True)

    def spread(self, module: torch.nn.Module, exact: Arrays, how: Arithmetic, runs: Iterable[int]) -> Samples:
        """The distances from the exact results in these runs with noise."""
        assert module is self.module, "only the network itself is trained"
        found: Samples = {name: [] for name, value in exact.items() if value.dtype.kind in "fc"}
        for run in runs:
            seed = int(np.random.default_rng([self.seed, 2, run]).integers(2**31))
            moved = self._trained(True, (how, seed))
            for name, distances in found.items():
                distances.append(rms(moved[name] - exact[name]))
        return found

    def _trained(self, wide: bool = False, noise: tuple[Arithmetic, int] | None = None) -> Arrays:
        own = copy.deepcopy(self.module)
        own = own._apply(widest) if wide else own
        for name, parameter in own.named_parameters(remove_duplicate=False):
            if name in self.recipe.frozen:
                parameter.requires_grad_(False)
        optimizer = self.recipe.optimizers[0]([p for p in own.parameters() if p.requires_grad])
        for group in optimizer.param_groups:  # one operation a parameter, so that noise is put into each
            group.update({name: False for name in ("foreach", "fused") if name in group})
        results: Arrays = {}
        with (
            sdpa_kernel(SDPBackend.MATH) if wide else nullcontext(),
            widest_by_default() if wide else nullcontext(),
            Wide(*(noise or ())) if wide else nullcontext(),
        ):
            for step in range(1, self.recipe.steps + 1):
                left = self._step(own, optimizer, wide)
                results |= {f"step{step}.{name}": to_numpy(tensor).copy() for name, tensor in left}
        return results

    def _step(
        self, own: torch.nn.Module, optimizer: torch.optim.Optimizer, wide: bool
    ) -> Iterable[tuple[str, torch.Tensor]]:
        tensors = [from_numpy(widest(x) if wide and x.dtype.kind not in "biu" else x) for x in self.inputs]
        ys = inexact(own(*tensors))
        if self.recipe.losses is not None:
            loss = self.recipe.losses[0](ys[0] if len(ys) == 1 else ys)
        else:
            targets = [from_numpy(widest(t) if wide else t) for t in self.targets]
            loss = sum((y - t).abs().square().mean() / 2 for y, t in zip(ys, targets, strict=True))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield "loss", loss
        yield from zip(names("output", len(ys)), ys, strict=True)
        if own.training:
            saved = own.state_dict()  # without those that are the module's own affair (persistent=False)
            yield from ((f"buffer.{name}", b) for name, b in own.named_buffers() if name in saved)
        yield from ((f"parameter.{name}", p) for name, p in own.named_parameters(remove_duplicate=False))
