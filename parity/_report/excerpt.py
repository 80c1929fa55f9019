"""The lines of a fault on both sides, for people."""

from collections.abc import Iterator

from parity._diagnose.hypothesis import Diagnosis, Place


def sides(fault: Diagnosis) -> Iterator[tuple[str, Place]]:
    """The sides whose line is known, by name."""
    for name, place in (("torch", fault.torch), ("Flax", fault.flax)):
        if place is not None:
            yield name, place


def short(fault: Diagnosis) -> list[str]:
    """One line of text for each side."""
    return [f"{name:<5}  {place.name}  {place.code}" for name, place in sides(fault)]


def long(fault: Diagnosis) -> list[str]:
    """The lines on each side with the lines around them; `>` marks the line itself."""
    found = []
    for name, place in sides(fault):
        called = f", called at {place.callers[0]}" if place.callers else ""
        found.append(f"{name}, {place.name}{called}: {place.does}")
        width = len(str(place.excerpt[-1][0]))
        for number, text in place.excerpt:
            mark = ">" if number == place.line else " "
            found.append(f"  {mark} {number:>{width}} | {text}".rstrip())
    return found
