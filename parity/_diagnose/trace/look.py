"""Where two networks, or two layers, part: the lines on either side, and why."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from parity._diagnose.hypothesis import Diagnosis, Place
from parity._diagnose.registry import UNKNOWN, Cause
from parity._diagnose.trace import (
    backward,
    divergence,
    flax_equations,
    hypotheses,
    instead,
    lines,
    operands,
    torch_operations,
)
from parity._diagnose.trace.goal import Goal
from parity._diagnose.trace.match import Partners
from parity._diagnose.trace.rewrite import rewritten
from parity._diagnose.trace.values import Line, Step, Value
from parity._flax.network import Part

_BEFORE = 16
"""How many values before the place are kept with their numbers, where memory does not suffice for all."""

RAISES = Cause("raises", "a Flax network that raises an error, such as for shapes that do not fit")

_SEVERAL = "several operations of this line differ: "
_MOST = 8
"""How many mistakes are looked for, one behind the other."""


@dataclass(frozen=True)
class Seen:
    """What was found.

    Attributes:
        layer: torch's path of the layer with the place; empty between layers.
        cause: the id; empty if none was computed.
        fix: in words; without a cause, what each side computes.
        torch, flax: the lines.
        further: what was found behind it.
        hides: whether further faults may be hidden behind the last one.
    """

    layer: str
    cause: str
    fix: str
    torch: Place | None
    flax: Place | None
    further: tuple["Seen", ...] = ()
    hides: bool = False

    @property
    def lines(self) -> tuple[Line | None, ...]:
        """The lines as files and numbers."""
        return tuple(place and (place.file, place.line) for place in (self.torch, self.flax))

    def explains(self, layer: str = "") -> Diagnosis | None:
        """The cause of a difference in this layer, or between layers, if one was computed."""
        return (
            Diagnosis(layer or self.layer, self.cause, self.fix, self.torch, self.flax)
            if self.cause
            else None
        )

    def all(self) -> Iterator[Diagnosis]:
        """What was found, one behind the other, each once; without a cause where none was computed."""
        found: set[Any] = set()
        for seen in (self, *self.further):
            if (key := (seen.cause, *seen.lines)) not in found:
                found.add(key)
                yield seen.explains() or seen.shows(UNKNOWN.at(seen.layer, ""))

    @property
    def generic(self) -> bool:
        """Whether a mistake with a name of its own may be the cause as well."""
        return self.cause in (hypotheses.MISSING.id, hypotheses.ADDITIONAL.id, operands.RESHAPED.id)

    def shows(self, found: Diagnosis) -> Diagnosis:
        """A diagnosis with the lines; an unknown cause also says what each side computes."""
        fix = ". ".join(filter(None, (found.fix, self.fix))) if found.cause == UNKNOWN.id else found.fix
        return replace(found, fix=fix, torch=self.torch, flax=self.flax)


def look(
    module: torch.nn.Module,
    part: Part,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    cotangents: Sequence[np.ndarray],
    limit: int,
) -> Seen | None:
    """Compares two networks, or two layers, operation by operation.

    Args:
        module, part: torch's, and the Flax network's with the same weights.
        args, kwargs: torch's arguments, arrays in the place of tensors.
        cotangents: of the floating outputs.
        limit: how many bytes of values are kept at once on either side.

    Returns:
        The first place at which they part; None if none is found, or if either cannot be run in this way.
    """
    try:
        return _forward(module, part, args, kwargs, limit) or _backward(
            module, part, args, kwargs, cotangents, limit
        )
    except Exception:  # whatever the networks' code raises: a difference without a place is still reported
        with suppress(Exception):
            return _raised(module, part, args, kwargs, limit)
        return None


def _raised(
    module: torch.nn.Module, part: Part, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int
) -> Seen | None:
    """Where a Flax network raises an error, or before it parts from torch's."""
    ours = flax_equations.until_it_raises(part, args, kwargs, limit)
    theirs = torch_operations.trace(module, args, kwargs, limit)
    partners = Partners(theirs, ours.trace, part.border.ranks)
    parted = divergence.find_in_part(partners)
    if parted is None:
        return None
    does = hypotheses.describe(parted.theirs)
    torchs, flaxs = lines.place(parted.theirs.lines, does), lines.place(ours.lines, "it raises an error")
    error = f"the Flax network raises {type(ours.error).__name__}: {str(ours.error).partition(chr(10))[0]}"
    same = f"up to here both networks compute the same numbers; torch then computes {does} of them"
    before = parted.ours
    if before is None or not before.lines or before.lines[:1] == ours.lines[:1]:
        return Seen(
            parted.theirs.layer, RAISES.id, f"{error}. {same[0].upper()}{same[1:]}", torchs, flaxs, hides=True
        )
    further = Seen("", RAISES.id, error, None, flaxs)
    place = lines.place(before.lines, _equation(before))
    return Seen(parted.theirs.layer, "", same, torchs, place, (further,), hides=True)


def _forward(
    module: torch.nn.Module, part: Part, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int
) -> Seen | None:
    skips = (0, 0)
    while True:
        theirs = torch_operations.trace(module, args, kwargs, limit, skips[0])
        ours = flax_equations.trace(part, args, kwargs, limit, skips[1])
        partners = Partners(theirs, ours, part.border.ranks)
        parted = divergence.find(partners)
        if parted is None:
            return None
        complete = all(x.data is not None for x in parted.theirs.inputs)
        if complete or skips != (0, 0):
            break
        order = {value: i for side in (theirs, ours) for i, value in enumerate(side.computed())}
        first = min(order.get(x, len(order)) for x in parted.theirs.inputs)
        taken = [p for x in parted.theirs.inputs for p in partners.of(x)[:1]]
        skips = (max(1, first - _BEFORE), max(1, min((order.get(p, 1) for p in taken), default=1) - _BEFORE))
    if not (theirs.complete and ours.complete):
        return replace(_shown(partners, parted, instead.Instead(parted.theirs, None)), hides=True)
    return _one_after_the_other(partners, parted)


def _one_after_the_other(partners: Partners, parted: divergence.Divergence) -> Seen:
    """The mistake, and those behind it: torch's network goes on with what the Flax network has in its place."""
    seen: list[Seen] = []
    while True:
        goals = [Goal(partners, parted, end) for end in (True, False)]
        found, goal = next(
            ((found, goal) for goal in goals if (found := instead.find(partners, parted, goal))),
            (None, goals[0]),
        )
        shown = _shown(partners, parted, found or instead.Instead(parted.theirs, None))
        if seen and seen[-1].lines == shown.lines and seen[-1].fix != shown.fix:
            # Two mistakes in one line are rather one that is not known.
            fix = f"{_SEVERAL}{seen[-1].fix.removeprefix(_SEVERAL)}; {shown.fix}"
            seen[-1] = replace(seen[-1], cause="", fix=fix)
        else:
            seen.append(shown)
        if found is None or goal.end or len(seen) == _MOST:
            hides = not (found and goal.end)
            break
        for value, numbers in goal.new.items():
            value.becomes(numbers)
        partners = Partners(partners.theirs, partners.ours, partners.ranks)
        following = divergence.find(partners)
        if following is None:
            hides = bool(divergence.wrong_outputs(partners.theirs, partners.ours))
            break
        parted = following
    return replace(seen[0], further=tuple(seen[1:]), hides=hides)


def _shown(partners: Partners, parted: divergence.Divergence, found: instead.Instead) -> Seen:
    step = _flax_step(partners, found, parted)
    does = _equation(step) if step else ""
    theirs_do = hypotheses.describe(found.theirs)
    text = found.fix or (
        f"up to here both networks compute the same numbers; torch then computes {theirs_do} of them, and no operation "
        "of the Flax network has that result" + (f": it computes {does}" if does else "")
    )
    flax = lines.place(step.lines, does) if step else None
    # In another layout, torch's dimensions are not Flax's.
    if found.edit and len(found.theirs.outputs[0].shape) not in partners.ranks:
        new = rewritten(flax, found.edit)
        text += f": write `{new}`" if new else ""
    return Seen(
        found.theirs.layer,
        found.cause.id if found.cause else "",
        text,
        lines.place(found.theirs.lines, theirs_do),
        flax,
    )


def _flax_step(partners: Partners, found: instead.Instead, parted: divergence.Divergence) -> Step | None:
    """The equation of the Flax network's that is shown."""
    if found.missing is not None and found.ours is not None and parted.ours is not None:
        kept = [x for x in found.missing.inputs if found.ours in partners.of(x)]
        if _is_near_its_use(found.missing, kept):
            return parted.ours
    if found.cause is not None and found.ours is not None:
        for value in (found.ours, *divergence.laid_out_from(found.ours)):
            if value.producer is not None and value.producer.lines:
                return value.producer
    return parted.ours


def _is_near_its_use(step: Step, kept: Sequence[Value]) -> bool:
    """Whether torch's operation stands nearer to what takes its result than to what makes the operand that is kept."""

    def distance(others: Sequence[Step | None]) -> float:
        lines = [s.lines[0] for s in others if s is not None and s.lines and step.lines]
        return min(
            (abs(n - step.lines[0][1]) for file, n in lines if file == step.lines[0][0]), default=np.inf
        )

    uses = [s for y in step.outputs for s in y.consumers]
    while uses and all(s.moves_only and not s.lines for s in uses):
        uses = [s for use in uses for y in use.outputs for s in y.consumers]
    return distance(uses) < distance([x.producer for x in kept])


def _equation(step: Step) -> str:
    shown = {
        name: value
        for name, value in step.params.items()
        if name
        in ("axes", "axis", "dimension", "permutation", "new_sizes", "window_strides", "dimensions", "shape")
    }
    return f"{step.name}({', '.join(f'{name}={value}' for name, value in shown.items())})"


def _backward(
    module: torch.nn.Module,
    part: Part,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    cotangents: Sequence[np.ndarray],
    limit: int,
) -> Seen | None:
    theirs = torch_operations.trace(module, args, kwargs, limit)
    ours = flax_equations.trace(part, args, kwargs, limit, derived=True)
    if not (theirs.complete and ours.complete) or divergence.wrong_outputs(theirs, ours):
        return None
    partners = Partners(theirs, ours, part.border.ranks)
    parted = backward.find(
        partners, torch_operations.gradients(theirs, cotangents), flax_equations.gradients(ours, cotangents)
    )
    if parted is None:
        return None
    does = hypotheses.describe(parted.theirs), _equation(parted.ours)
    text = parted.fix or f"the gradients of what torch's {does[0]} and Flax's {does[1]} take differ"
    return Seen(
        parted.theirs.layer,
        parted.cause.id if parted.cause else "",
        text,
        lines.place(parted.theirs.lines, does[0]),
        lines.place(parted.ours.lines, does[1]),
    )
