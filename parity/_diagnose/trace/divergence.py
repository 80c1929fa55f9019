"""Where two networks part: torch's first operation, and what the Flax network does instead."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from parity._diagnose.trace.match import Partners, same
from parity._diagnose.trace.values import Step, Trace, Value


@dataclass
class Divergence:
    """The place where two networks part.

    Attributes:
        theirs: torch's first operation whose inputs are all known to the Flax network and whose result is not.
        ours: the Flax network's first equation of that kind that takes what torch's operation takes, if one does.
        unknown: all of the Flax network's results that torch does not have and that its outputs depend on.
        region: torch's likewise.
    """

    theirs: Step
    ours: Step | None
    region: set[Value]
    unknown: set[Value]


def wrong_outputs(theirs: Trace, ours: Trace) -> list[tuple[Value, Value]]:
    """The outputs that differ, torch's and the Flax network's."""
    pairs = zip(theirs.outputs, ours.outputs, strict=False)
    return [
        (a, b)
        for a, b in pairs
        if a.data is not None and b.data is not None and not (a.shape == b.shape and same(a.array, b.array))
    ]


def find(partners: Partners) -> Divergence | None:
    """The first place at which the networks part, None if nothing is found to differ."""
    wrong = wrong_outputs(partners.theirs, partners.ours)
    return _first(partners, [a for a, _ in wrong], [b for _, b in wrong])


def find_in_part(partners: Partners) -> Divergence | None:
    """The same of a Flax network that has no outputs, because it raises an error on the way."""
    ends = [y for y in partners.ours.computed() if not y.consumers and not partners.known(y)]
    return _first(partners, partners.theirs.outputs, ends)


def _first(partners: Partners, expected: list[Value], outputs: list[Value]) -> Divergence | None:
    region = _unknown(partners, expected)
    unknown = _unknown(partners, outputs)
    first = next(_roots(partners, partners.theirs, region), None)
    if first is None:
        return None
    taken = {p for value in first.inputs for p in _partners(partners, value)}
    roots = list(_roots(partners, partners.ours, unknown)) or [
        # A resizing that only copies is one, too.
        s
        for s in partners.ours.steps
        if s.lines and any(y in unknown for y in s.outputs) and all(partners.known(x) for x in s.inputs)
    ]
    ours = next((s for s in roots if taken & set(_origins(s.inputs))), roots[0] if roots else None)
    return Divergence(first, ours, region, unknown)


def _unknown(partners: Partners, outputs: Iterable[Value]) -> set[Value]:
    """What the outputs depend on and the other network does not have."""
    found: set[Value] = set()
    # The outputs themselves are laid out anew, and may be another's by chance.
    rest = list(outputs)
    while rest:
        value = rest.pop()
        if (
            value not in found
            and value.producer is not None
            and (not partners.known(value) or value in outputs)
        ):
            found.add(value)
            rest += value.producer.inputs
    return found


def _roots(partners: Partners, trace: Trace, region: set[Value]) -> Iterator[Step]:
    """The steps in a region that make something new of what is known."""
    for step in trace.steps:
        if step.moves_only or not any(y in region for y in step.outputs):
            continue
        if all(partners.understood(x) for x in step.inputs):
            yield step


def _partners(partners: Partners, value: Value) -> Iterable[Value]:
    """The partners of a value, or of what it is laid out from."""
    for origin in _origins([value]):
        yield from partners.of(origin) if origin.floating else ()


def laid_out_from(value: Value) -> Iterable[Value]:
    """The values that a value is laid out from, the nearest first; the last one is computed."""
    while value.producer is not None and value.producer.moves_only and value.producer.inputs:
        value = value.producer.inputs[0]
        yield value


def _origins(values: Iterable[Value]) -> Iterable[Value]:
    """These values, and what they are laid out from."""
    for value in values:
        yield value
        yield from laid_out_from(value)
