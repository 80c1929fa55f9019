"""Whether torch's network with a change goes on as the Flax network does."""

from collections.abc import Iterator, Mapping

import numpy as np
import torch

from parity._diagnose.trace import hypotheses, torch_operations
from parity._diagnose.trace.divergence import Divergence
from parity._diagnose.trace.match import Partners, same
from parity._diagnose.trace.torch_operations import Way
from parity._diagnose.trace.values import Step, Value


class Goal:
    """What a change in torch's network must lead to, for a mistake to explain why the networks part.

    Args:
        partners, parted: the networks, and the place.
        end: whether the Flax network's outputs are asked for. Otherwise the Flax network must have what torch's next
            operations make of the change: enough where further mistakes follow.

    Attributes:
        new: all that the last change that reached the goal gives torch's values.
    """

    def __init__(self, partners: Partners, parted: Divergence, end: bool):
        self.partners, self.parted, self.end = partners, parted, end
        self.new: dict[Value, torch.Tensor] = {}

    def reached(
        self,
        values: Mapping[Value, torch.Tensor],
        slots: Mapping[tuple[Step, int], torch.Tensor] | None = None,
        ways: Mapping[Step, Way] | None = None,
        after: Step | None = None,
    ) -> bool:
        """Whether these changes, as of `torch_operations.replay`, lead there; and go on behind an operation."""
        try:
            new = torch_operations.replay(self.partners.theirs, values, slots, ways)
            if self.end:
                led = self._heals(new) and (after is None or self._followed(after, new))
            else:
                made = [*values, *(y for s, _ in slots or {} for y in s.outputs)]
                made += [y for s in ways or {} for y in s.outputs]
                led = self._goes_on(made, new)
        except (
            RuntimeError,
            ValueError,
            IndexError,
            TypeError,
        ):  # of another shape than torch's network takes
            return False
        self.new = new if led else self.new
        return led

    def mended(self, step: Step, way: Way) -> bool:
        """Whether it leads there to compute an operation, or all that the same line makes, in another way."""
        what = hypotheses.describe(step)
        line = [
            s
            for s in self.partners.theirs.steps
            if s.name == step.name and s.lines[:1] == step.lines[:1] and hypotheses.describe(s) == what
        ]
        sites = [[step], line] if step.lines and len(line) > 1 else [[step]]
        return any(self.reached({}, {}, dict.fromkeys(site, way), step) for site in sites)

    def _heals(self, new: Mapping[Value, torch.Tensor]) -> bool:
        """Whether torch's network gives the Flax network's outputs."""
        pairs = self._outputs()
        return bool(pairs) and all(self._agree(a, b, new) for a, b in pairs)

    def _outputs(self) -> list[tuple[Value, Value]]:
        return list(zip(self.partners.theirs.outputs, self.partners.ours.outputs, strict=False))

    @staticmethod
    def _agree(a: Value, b: Value, new: Mapping[Value, torch.Tensor]) -> bool:
        return same(new.get(a, a.data).detach().numpy(), np.asarray(b.data))

    def _followed(self, step: Step, new: Mapping[Value, torch.Tensor]) -> bool:
        """Whether the Flax network has what torch's makes of an operation's new result, if torch makes anything of it.

        Two mistakes may give the same outputs: x / (1 + x) is 1 without the 1, and without the fraction.
        """
        computed = [y for y in _next(step.outputs) if y in new and y.floating and y.size]
        return not computed or any(self.partners.has(new[y].detach()) for y in computed)

    def _goes_on(self, made: list[Value], new: Mapping[Value, torch.Tensor]) -> bool:
        """Whether the Flax network has the values that are made, and what torch's next operations make of one."""
        if not all(self.partners.has(new[y].detach()) for y in made if y in new and y in self.parted.region):
            return False
        if any(a in new and a in made and self._agree(a, b, new) for a, b in self._outputs()):
            return True
        following = [y for y in _next(made) if y in new and y.floating and y.size]
        if any(self.partners.of(y) and not same(new[y].detach().numpy(), y.array) for y in following):
            return False  # it takes away what both networks have
        # What torch computes as well would be there whatever the change.
        unknown = self.parted.unknown
        return any(
            y in self.parted.region
            and _says_something(new[y])
            and self.partners.has(new[y].detach(), unknown)
            for y in following
        )


def _next(values: list[Value]) -> Iterator[Value]:
    """What is computed directly of these values, however they are laid out for it."""
    rest = list(values)
    while rest:
        for after in rest.pop().consumers:
            if after.moves_only:
                rest += after.outputs
            else:
                yield from after.outputs


def _says_something(numbers: torch.Tensor) -> bool:
    """Whether numbers are not the same as others' by chance, as zeros are."""
    return numbers.is_floating_point() and numbers.unique().numel() > 2
