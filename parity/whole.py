"""Two whole networks end to end: outputs, gradients, buffers, and how far rounding may carry them."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch

from parity import flax_run, layers, reference, tolerance, torch_network
from parity.compare import Verdict, failed, judge, judge_whole
from parity.flax_network import Part
from parity.torch_network import Arrays


class Whole:
    """A pair of networks on one input; everything is computed once, when it is asked for.

    Args:
        module: torch's network.
        part: the Flax network with the same weights.
        inputs: floating arrays.
        cotangents: of torch's outputs.
        seeds: of the noise, one a sample.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        part: Part,
        inputs: Sequence[np.ndarray],
        cotangents: Sequence[np.ndarray],
        seeds: Sequence[int],
    ):
        self.module, self.part, self.inputs, self.cotangents, self.seeds = (
            module,
            part,
            inputs,
            cotangents,
            seeds,
        )
        self.error = ""

    @cached_property
    def theirs(self) -> Arrays:
        """torch's results."""
        return torch_network.run(self.module, self.inputs, {}, self.cotangents)

    @cached_property
    def wanted(self) -> Arrays:
        """The same in float64."""
        return self.run(self.module)

    @cached_property
    def ours(self) -> Arrays:
        """The Flax network's, by the same names; without gradients where its outputs are of other shapes."""
        buffers = [name.removeprefix("buffer.") for name in self.theirs if name.startswith("buffer.")]
        try:
            return flax_run.run(self.part, self.inputs, {}, self.cotangents, buffers)
        except Exception as error:
            self.error = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            return {}

    @cached_property
    def dead(self) -> list[str]:
        """The parameters whose gradient is zero."""
        parameters = [name for name, _ in self.module.named_parameters(remove_duplicate=False)]
        return [name for name in parameters if not self.wanted[f"grad.{name}"].any()]

    @cached_property
    def same_shapes(self) -> bool:
        """Whether the outputs have torch's shapes."""
        return _shapes(self.ours) == _shapes(self.theirs)

    def forward(self, module: torch.nn.Module) -> Arrays:
        """A torch network's outputs in float64."""
        return torch_network.run(module, self.inputs, {}, None, wide=True)

    def run(self, module: torch.nn.Module, noise: tuple[Any, int] | None = None) -> Arrays:
        """A torch network's results in float64, with gradients if there are ours to compare."""
        backward = module is self.module or self.same_shapes
        return torch_network.run(module, self.inputs, {}, self.cotangents if backward else None, True, noise)

    def allowances(
        self, module: torch.nn.Module, names: Sequence[str], exact: Arrays | None = None
    ) -> dict[str, float]:
        """How far rounding may carry these results of a torch network: root mean square, the worst of the samples."""
        outputs = [a.dtype for name, a in self.theirs.items() if name.startswith("output")]
        dtype = max(outputs, key=lambda d: reference.roundoff(d))
        how = tolerance.arithmetic(dtype, jax.default_backend(), layers.precision(self.part))
        exact = self.run(module) if exact is None else exact
        worst = dict.fromkeys(names, 0.0)
        for seed in self.seeds:
            moved = self.run(module, (how, int(seed)))
            for name in names:
                worst[name] = max(worst[name], rms(moved[name] - exact[name]))
        return worst

    def judge(self) -> tuple[Verdict, ...]:
        """One verdict for each output, gradient and buffer."""
        if not self.ours:
            return (failed("output", f"the Flax network does not run: {self.error}"),)
        if not self.same_shapes:
            return (failed("output", f"shapes {_shapes(self.ours)}, in torch {_shapes(self.theirs)}"),)
        floating = [name for name, value in self.wanted.items() if value.dtype.kind == "f"]
        limits = self.allowances(self.module, floating, self.wanted)
        verdicts = [self._judge(name, limits) for name in self.wanted]
        extra = [name for name in self.ours if name not in self.wanted]
        return (*verdicts, *(failed(name, "missing in torch's network") for name in extra))

    def _judge(self, name: str, limits: Mapping[str, float]) -> Verdict:
        if name not in self.ours:
            return failed(name, "missing in the Flax network")
        mine, other, value = self.ours[name], self.theirs[name], self.wanted[name]
        if name not in limits:
            return judge(name, mine.astype(other.dtype), other, value, None)
        return judge_whole(name, mine, other, value, limits[name])


def _shapes(results: Arrays) -> list[tuple[int, ...]]:
    return [a.shape for name, a in results.items() if name.startswith("output")]


def rms(a: np.ndarray) -> float:
    """The root mean square of what is finite."""
    finite = a[np.isfinite(a)].astype(np.float64)
    return float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0
