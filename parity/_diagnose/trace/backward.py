"""Where gradients part, of networks whose outputs agree."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from parity._diagnose.registry import CAUSES, Cause
from parity._diagnose.trace.match import Partners, turned
from parity._diagnose.trace.values import Step, Value

FLOWS = Cause("gradient.flows", "a gradient that passes where torch's does not")


@dataclass
class Parted:
    """The value nearest to the outputs whose gradient differs.

    Attributes:
        theirs, ours: the operations that take it, one on either side.
        cause, fix: why, if it is known.
    """

    theirs: Step
    ours: Step
    cause: Cause | None
    fix: str


def find(
    partners: Partners, of_torch: Mapping[Value, np.ndarray], of_flax: Mapping[Value, np.ndarray]
) -> Parted | None:
    """The place from which on gradients differ, None if all that can be compared agree.

    Args:
        partners: of two traces whose outputs agree.
        of_torch, of_flax: the gradients with respect to their values.
    """
    for theirs in reversed(list(partners.theirs.values())):
        ours = next(iter(partners.of(theirs)), None) if theirs in of_torch else None
        # The same numbers under several names: each takes a part of the gradient, the first all of it.
        if ours is None or next(iter(partners.of(ours)), None) is not theirs:
            continue
        a, b = of_torch[theirs], of_flax[ours]
        if not turned(a, b, True):
            return _parted(theirs, ours, a, b)
    return None


def _parted(theirs: Value, ours: Value, a: np.ndarray, b: np.ndarray) -> Parted | None:
    taken, given = _consumer(theirs, "detach"), _consumer(ours, "stop_gradient")
    if taken is None or given is None:
        return None
    if given.name == "stop_gradient" and not b.any() and a.any():
        text = "no gradient passes here (stop_gradient): in torch it does"
        after = _consumer(theirs, "")
        return Parted(after or taken, given, CAUSES["gradient.stopped"], text)
    if taken.name == "detach" and not a.any() and b.any():
        text = "torch detaches it: write jax.lax.stop_gradient around it"
        return Parted(taken, given, FLOWS, text)
    return Parted(taken, given, None, "")


def _consumer(value: Value, preferred: str) -> Step | None:
    """The step that takes a value, or what is laid out from it: the preferred one if it is among them."""
    found: list[Step] = []
    rest = [value]
    while rest:
        for step in rest.pop().consumers:
            if step.name == preferred and any(y.consumers for y in step.outputs):
                return step
            if step.moves_only and step.name != "stop_gradient":
                rest += step.outputs
            else:
                found.append(step)
    return found[0] if found else None
