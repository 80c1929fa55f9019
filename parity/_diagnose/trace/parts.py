"""The parts that torch takes of an array."""

from collections.abc import Iterator

from parity._diagnose.trace.divergence import Divergence
from parity._diagnose.trace.match import Partners
from parity._diagnose.trace.values import Step, Value


def laid_out_in(partners: Partners, parted: Divergence) -> Iterator[Step]:
    """The steps that lay out what the operations in the region are given, each once."""
    seen: set[Step] = set()
    for step in partners.theirs.steps:
        for x in step.inputs if any(y in parted.region for y in step.outputs) else ():
            while x.producer is not None and x.producer.moves_only and x.producer.inputs:
                if x.producer not in seen:
                    seen.add(x.producer)
                    yield x.producer
                x = x.producer.inputs[0]


def of(step: Step) -> list[Value]:
    """The parts of equal shape that are taken from the same array."""
    if len(step.outputs) > 1:
        parts = step.outputs
    else:
        family = [s for s in step.inputs[0].consumers if s.name == step.name and len(s.outputs) == 1]
        parts = [s.outputs[0] for s in family] if step.name in ("select", "slice") else []
    return list(parts) if len({part.shape for part in parts}) == 1 else []
