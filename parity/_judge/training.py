"""Two networks while they are trained: everything that each step leaves, and how far rounding may carry it."""

from functools import cached_property

import numpy as np

from parity._flax import training as flax_training
from parity._flax.network import Part
from parity._judge.end_to_end import EndToEnd
from parity._judge.verdict import Verdict, failed
from parity._torch.network import Arrays
from parity._torch.training import Training


class Trained(EndToEnd):
    """A pair of networks, trained for a few steps on one input.

    Args:
        original: torch's network.
        part: the Flax network with the same weights.
    """

    original: Training

    def __init__(self, original: Training, part: Part):
        super().__init__(original, part)

    @cached_property
    def ours(self) -> Arrays:
        """The Flax network's results, by the same names."""
        o, recipe = self.original, self.original.recipe
        first = (name.partition(".")[2] for name in o.theirs if name.startswith("step1.buffer."))
        buffers = [name.removeprefix("buffer.") for name in first]
        loss = None if recipe.losses is None else recipe.losses[1]
        try:
            return flax_training.trained(
                self.part, o.inputs, recipe.steps, recipe.optimizers[1], loss, o.targets, buffers
            )
        except Exception as error:  # whatever the network, the loss or the optimizer raises
            self.error = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
            return {}

    def judge(self) -> tuple[Verdict, ...]:
        """One verdict for each loss, output, buffer and parameter after each step."""
        if not self.ours:
            return (failed("step1", f"the Flax network cannot be trained: {self.error}"),)
        wanted = self.original.wanted
        odd = [n for n in wanted if n not in self.ours or self.ours[n].shape != wanted[n].shape]
        if odd:
            return tuple(failed(name, "missing, or of another shape, in the Flax network") for name in odd)
        limits = self._limits()
        return tuple(self._explained(self._judge(name, limits)) for name in wanted)

    def _explained(self, verdict: Verdict) -> Verdict:
        """The same; of a parameter that only one side trains, it says so."""
        _, _, name = verdict.name.partition(".parameter.")
        if verdict.ok or not name:
            return verdict
        before, ours, theirs = (
            self.original.start[name],
            self.ours[verdict.name],
            self.original.theirs[verdict.name],
        )
        moves = [not np.array_equal(a, before) for a in (ours, theirs)]
        if moves == [True, False]:
            return failed(verdict.name, "the Flax network trains it, torch's network does not")
        if moves == [False, True]:
            return failed(verdict.name, "torch's network trains it, the Flax network does not")
        return verdict
