"""Two whole networks end to end: outputs, gradients, buffers, and how far rounding may carry them."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from parity._bounds import tolerance
from parity._bounds.tolerance import Arithmetic, prediction_limit
from parity._flax import run as flax_run
from parity._flax.network import Part
from parity._judge import layer as layers
from parity._judge import returned
from parity._judge.verdict import Verdict, failed, judge, judge_end_to_end
from parity._torch import network as torch_network
from parity._torch.network import Arrays
from parity._torch.original import FEW, FIRST, MANY, Original, Samples, rms


class EndToEnd:
    """A pair of networks on one input; everything is computed once, when it is asked for.

    Args:
        original: torch's network.
        part: the Flax network with the same weights.
    """

    def __init__(self, original: Original, part: Part):
        self.original, self.part = original, part
        self.error = ""

    @cached_property
    def ours(self) -> Arrays:
        """The Flax network's, by the same names; without gradients where its outputs are of other shapes."""
        o = self.original
        buffers = [name.removeprefix("buffer.") for name in o.theirs if name.startswith("buffer.")]
        try:
            return flax_run.run(self.part, o.inputs, {}, o.pulled_back, buffers)
        except Exception as error:
            self.error = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            return {}

    @cached_property
    def same_shapes(self) -> bool:
        """Whether the outputs have torch's shapes."""
        return _shapes(self.ours) == _shapes(self.original.theirs)

    @cached_property
    def how(self) -> Arithmetic:
        """What the Flax network computes in."""
        o = self.original
        how = tolerance.arithmetic(o.dtype, jax.default_backend(), layers.precision(self.part))
        in_half = flax_run.sums_in_half(self.part, o.inputs, {}, o.cotangents)
        return replace(how, sums=how.store) if in_half else how

    def forward(self, module: torch.nn.Module) -> Arrays:
        """Another torch network's outputs in float64."""
        return torch_network.run(module, self.original.inputs, {}, None, wide=True)

    def run(self, module: torch.nn.Module) -> Arrays:
        """Another torch network's results in float64, with gradients if there are ours to compare."""
        o = self.original
        cotangents = o.pulled_back if self.same_shapes else None
        return torch_network.run(module, o.inputs, {}, cotangents, wide=True)

    def allowances(self, module: torch.nn.Module, exact: Arrays) -> dict[str, float]:
        """How far rounding may carry the results of another torch network."""
        found = self.original.spread(module, exact, self.how, range(FEW))
        return {name: max(samples) for name, samples in found.items()}

    def judge(self) -> tuple[Verdict, ...]:
        """One verdict for each output, gradient and buffer."""
        if not self.ours:
            return (failed("output", f"the Flax network does not run: {self.error}"),)
        if text := returned.difference(
            self.ours, self.original.theirs, self.original.module, "the Flax network"
        ):
            return (failed("output", text),)
        if not self.same_shapes:
            theirs = _shapes(self.original.theirs)
            return (failed("output", f"shapes {_shapes(self.ours)}, in torch {theirs}"),)
        limits = self._limits()
        verdicts = [self._judge(name, limits) for name in self.original.wanted]
        extra = [name for name in self.ours if name not in self.original.wanted]
        return (*verdicts, *(failed(name, "missing in torch's network") for name in extra))

    @cached_property
    def same_in_float64(self) -> bool:
        """Whether both networks, run in float64, agree in every result up to float64's rounding.

        Then they compute the same function here, however each divides it into layers. A network that computes in
        another dtype whatever it is given does not agree in this sense.
        """
        o = self.original
        how = tolerance.arithmetic(np.dtype(np.float64), "cpu")
        buffers = [name.removeprefix("buffer.") for name in o.theirs if name.startswith("buffer.")]
        cotangents = None if o.pulled_back is None else [wide(ct) for ct in o.pulled_back]
        with jax.enable_x64(True):
            part = replace(self.part, held=jax.tree.map(wide, self.part.held))
            try:
                ours = flax_run.run(part, [wide(x) for x in o.inputs], {}, cotangents, buffers)
                if ours.keys() != o.wanted.keys() or any(ours[n].shape != o.wanted[n].shape for n in ours):
                    return False
                mine, samples = self._drawn(how, ours)
            except Exception:  # it does not run in float64, or an older recording is not for float64
                return False
        exact = {name: value for name, value in o.wanted.items() if name not in mine}
        return all(mine[name] <= prediction_limit(found) for name, found in samples.items()) and all(
            np.array_equal(ours[name], value, equal_nan=value.dtype.kind in "fc")
            for name, value in exact.items()
        )

    def _drawn(self, how: Arithmetic, ours: Arrays) -> tuple[dict[str, float], Samples]:
        """How far our floating results are from float64, and torch's in a few runs with noise.

        Further runs can only raise the worst of them: if all of ours are within the worst of the first runs, these do.
        """
        o, mine, samples = self.original, {}, {}
        for count in (FIRST, FEW):
            samples = o.distances(how, count)
            for name in samples:
                if name not in mine and name in ours and ours[name].shape == o.wanted[name].shape:
                    mine[name] = rms(ours[name].astype(o.wanted[name].dtype) - o.wanted[name])
            if all(mine[name] <= max(samples[name]) for name in mine):
                break
        return mine, samples

    def _limits(self) -> dict[str, float]:
        """How far rounding may carry each floating result.

        A result that is no further than the worst of a few runs with noise is inside. To call a result outside takes
        a limit with a probability of a false alarm. If the few runs leave a doubt, more are drawn.
        """
        mine, few = self._drawn(self.how, self.ours)
        worst = {name: max(samples) for name, samples in few.items()}
        if all(mine[name] <= worst[name] for name in mine):
            return worst
        limits = self._predicted(few)
        if any(worst[name] < mine[name] <= limits[name] for name in mine):
            return self._predicted(self.original.distances(self.how, MANY))
        return limits

    def _predicted(self, samples: Samples) -> dict[str, float]:
        # Where torch's own result was carried further than noise carries it, the noise is too small by that factor.
        own = self.original.own
        return {
            name: prediction_limit(found) * max(1.0, own[name] / (np.median(found) or np.inf))
            for name, found in samples.items()
        }

    def _judge(self, name: str, limits: Mapping[str, float]) -> Verdict:
        if name not in self.ours:
            return failed(name, "missing in the Flax network")
        mine, other, value = self.ours[name], self.original.theirs[name], self.original.wanted[name]
        if name not in limits:
            return judge(name, mine.astype(other.dtype), other, value, None)
        return judge_end_to_end(name, mine, other, value, limits[name])


def wide(x: Any) -> Any:
    """An array in float64 or complex128, if it is floating or complex; anything else as it is."""
    if not hasattr(x, "dtype") or not jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    return torch_network.widest(np.asarray(x))


def _shapes(results: Arrays) -> list[tuple[int, ...]]:
    return [a.shape for name, a in results.items() if name.startswith("output")]
