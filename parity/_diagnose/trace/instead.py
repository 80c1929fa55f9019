"""What the Flax network has in the place of an operation of torch's: with it, torch's network gives Flax's outputs."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from parity._diagnose import activations
from parity._diagnose.registry import Cause
from parity._diagnose.trace import divergence, hypotheses, operands, parts, torch_operations
from parity._diagnose.trace.divergence import Divergence
from parity._diagnose.trace.goal import Goal
from parity._diagnose.trace.match import Partners, same
from parity._diagnose.trace.rewrite import Edit
from parity._diagnose.trace.torch_operations import Way
from parity._diagnose.trace.values import Step, Value

SPLIT = Cause("split.order", "parts of an array that are taken in another order")
ORDER = Cause("operation.order", "two operations that changed places")

_MOST = 48
"""How many values are tried in the place of torch's."""
_FOLLOWING = 6
"""How many of torch's operations, one after the other, may together have a counterpart."""
_MOST_PARTS = 4


_LEFT_OUT = ("operation.missing", "activation.missing", "scale.missing", "residual.missing")


@dataclass
class Instead:
    """What differs.

    Attributes:
        theirs: torch's operation.
        ours: what the Flax network has in the place of its result; None if nothing is known to be.
        cause, fix: why, if a hypothesis computes it.
        edit: how the Flax network's line is mended, if that is known.
        missing: torch's operation, if the Flax network leaves it out.
    """

    theirs: Step
    ours: Value | None
    cause: Cause | None = None
    fix: str = ""
    edit: Edit | None = None
    missing: Step | None = None


def find(partners: Partners, parted: Divergence, goal: Goal) -> Instead | None:
    """Searches for what stands in the place of torch's result, or of what its operation is given.

    What is found reaches the goal, by `goal.new`.
    """
    tried = []
    for search in (_results, _splits, _exchanges, _inputs):
        found = search(partners, parted, goal)
        if found is not None and found.cause is not None:
            return found
        tried.append((found, goal.new))
    # Without a cause, what differs first says more than what stands where in the end.
    found, goal.new = next(((found, new) for found, new in reversed(tried) if found), (None, {}))
    return found


def _chain(step: Step) -> Iterator[Step]:
    """An operation, and those that alone take its result."""
    for _ in range(_FOLLOWING):
        yield step
        after = _takers(step)
        while len(after) == 1 and after[0].moves_only:
            after = _takers(after[0])
        if len(after) != 1:
            return
        step = after[0]


def _takers(step: Step) -> list[Step]:
    """The operations that take a result: autograd's own copies of it go nowhere."""
    return [s for s in step.outputs[0].consumers if s.name != "detach" or s.outputs[0].consumers]


def _pool(partners: Partners, parted: Divergence, step: Step) -> list[Value]:
    """Values of the Flax network that may stand there: what torch's operation is given, and what torch has not."""
    given = [p for x in step.inputs if x.floating for p in partners.of(x)[-1:]]
    new = [y for s in partners.ours.steps for y in s.outputs if y in parted.unknown and y.floating]
    size = step.outputs[0].size
    new.sort(key=lambda value: value.size != size)
    return [*given, *new][:_MOST]


def laid_out(value: Value, shape: tuple[int, ...], ranks: tuple[int, ...]) -> Iterator[torch.Tensor]:
    """A value of the Flax network's in the layouts that it may have in torch."""
    array = np.array(value.array)
    seen: list[np.ndarray] = []
    images = [np.moveaxis(array, -1, 1)] if array.ndim in ranks else []
    turned = (
        array.transpose(order)
        for order in itertools.permutations(range(array.ndim))
        if array.ndim == len(shape) <= 5
        and list(order) != sorted(order)
        and tuple(array.shape[i] for i in order) == shape
    )
    plain = [array.reshape(shape)] if array.size == int(np.prod(shape)) else [array]
    for x in (*images, *plain, *turned) if array.shape == shape else (*images, *turned, *plain):
        if x.ndim == len(shape) and not any(x.shape == y.shape and np.array_equal(x, y) for y in seen):
            seen.append(x)
            yield torch.from_numpy(np.ascontiguousarray(x))


def _results(partners: Partners, parted: Divergence, goal: Goal) -> Instead | None:
    """A value in the place of the result of the operation, or of one of those behind it."""
    unexplained, new = None, goal.new
    for step in _chain(parted.theirs):
        theirs = step.outputs[0]
        for value in _pool(partners, parted, step):
            for data in laid_out(value, theirs.shape, partners.ranks):
                mistake = _mistake(parted.theirs, step, data)
                if mistake is not None and goal.mended(step, mistake.way):
                    # What it is given is still there, and what takes that has no line of its own for it.
                    missing = step if mistake.cause.id in _LEFT_OUT else None
                    return Instead(parted.theirs, value, mistake.cause, mistake.fix, mistake.edit, missing)
                first = unexplained is None and step is parted.theirs
                if first and mistake is None and goal.reached({theirs: data}):
                    unexplained, new = Instead(parted.theirs, value), goal.new
    goal.new = new
    return unexplained


class Mistake(NamedTuple):
    """A cause, the fix in words, what torch's network computes then, and how the Flax line is mended."""

    cause: Cause
    fix: str
    way: Way
    edit: Edit | None = None


def _mistake(first: Step, step: Step, result: torch.Tensor) -> Mistake | None:
    """What turns an operation, or it and the first one before it, into what gives this result."""
    found = hypotheses.explain(step, result)
    if found is not None:
        cause, fix, way, edit = found
        return Mistake(cause, fix, lambda s, new: [way(hypotheses.Given(s, new))], edit)
    return None if step is first else _other_order(first, step, result)


def _other_order(first: Step, second: Step, result: torch.Tensor) -> Mistake | None:
    """Whether the second of two operations, done before the first, gives the result."""
    at = next((j for j, x in enumerate(second.inputs) if x.producer is first), None)
    if at is None or first.name == second.name:
        return None
    single = [(i,) for i, x in enumerate(first.inputs) if x.floating]
    # f(a) + f(b) for f(a + b).
    for slots in [*single, tuple(i for (i,) in single)] if len(single) > 1 else single:

        def way(step: Step, new: Mapping[Value, torch.Tensor], slots: Any = slots) -> list[torch.Tensor]:
            before = step.inputs[at].producer
            assert before is not None
            given = {i: new.get(before.inputs[i], before.inputs[i].data) for i in slots}
            early = {
                (before, i): torch_operations.compute(step, new, {(step, at): x})[0] for i, x in given.items()
            }
            return torch_operations.compute(before, new, early)

        try:
            found = way(second, {})[0]
        except (RuntimeError, ValueError, IndexError):
            continue
        if found.shape == result.shape and same(found.numpy(), result.numpy()):
            a, b = hypotheses.describe(first), hypotheses.describe(second)
            return Mistake(ORDER, f"{b} comes before {a}: in torch it comes after it", way)
    return None


def _splits(partners: Partners, parted: Divergence, goal: Goal) -> Instead | None:
    """Parts of one array that changed places."""
    for step in parts.laid_out_in(partners, parted):
        taken = parts.of(step)
        if len(taken) < 2:
            continue
        backwards = tuple(reversed(range(len(taken))))
        few = len(taken) <= _MOST_PARTS
        for order in itertools.permutations(range(len(taken))) if few else [backwards]:
            if list(order) == sorted(order):
                continue
            values = {part: taken[i].data.detach() for part, i in zip(taken, order, strict=True)}

            def way(s: Step, new: Mapping[Value, torch.Tensor], order: Any = order) -> list[torch.Tensor]:
                results = torch_operations.compute(s, new)
                return [results[i] for i in order]

            if goal.reached(values) or (len(step.outputs) > 1 and goal.mended(step, way)):
                ours = next(iter(partners.of(taken[0])), None)
                cause = SPLIT if few else operands.REVERSED
                return Instead(step, ours, cause, hypotheses.in_order(order))
    return None


def _inputs(partners: Partners, parted: Divergence, goal: Goal) -> Instead | None:
    """A value in the place of one that the operation is given."""
    step = parted.theirs
    for i, given in enumerate(step.inputs):
        values = [v for v in partners.ours.values() if v.floating and v.size == given.size]
        for value in sorted(values, key=lambda v: v not in parted.unknown)[:_MOST]:
            for data in laid_out(value, given.shape, partners.ranks):
                if same(data.numpy(), given.array):
                    continue
                try:
                    result = torch_operations.compute(step, {}, {(step, i): data})[0]
                except (RuntimeError, ValueError, IndexError):
                    continue
                if not partners.has(result, parted.unknown):
                    continue
                found, way = _explained(partners, parted, i, value, data)
                if way is not None and goal.mended(step, way):
                    return found
                # In the place of the array wherever it is used, or here only.
                if goal.reached({given: data}) or goal.reached({}, {(step, i): data}):
                    return found
    return None


def _exchanges(partners: Partners, parted: Divergence, goal: Goal) -> Instead | None:
    """Arrays that changed places, or another layer's weights."""
    for search in (operands.exchanged, operands.turned_round, operands.other_layer, operands.constants):
        found = search(partners, parted, goal.reached)
        if found is not None:
            ours = found.ours or (parted.ours.outputs[0] if parted.ours else None)
            return Instead(found.step, ours, found.cause, found.fix)
    return None


def _explained(
    partners: Partners, parted: Divergence, slot: int, value: Value, data: torch.Tensor
) -> tuple[Instead, Way | None]:
    """Why an operation is given something else, and how torch's would be given that."""
    step = parted.theirs
    given = step.inputs[slot]
    if given in partners.moved(value):
        way = [given, *divergence.laid_out_from(given)]
        first = next(x for x in reversed(way) if not partners.known(x) or x is given)
        shown = [hypotheses.describe(x.producer) for x in reversed(way) if x.producer in _laying_out(way)]
        text = f"torch's numbers in another order: torch's are {way[-1].shape}, then {', '.join(shown)}"
        taken = parted.ours.inputs if parted.ours else []
        ours = next((x for x in taken if value in (x, *divergence.laid_out_from(x))), value)
        found = Instead(first.producer or step, ours, operands.RESHAPED, text)
        return found, next((_reshaped(slot, n) for n in range(len(way)) if _is_reshaped(way[n], data)), None)
    x = given.data.detach()
    for name, function in activations.OTHERS.items():
        if name != "the identity" and same(function(x).numpy(), data.numpy()):
            found = Instead(
                step, value, hypotheses.ADDITIONAL, f"{name} comes before it: torch has none there"
            )
            return found, _before(slot, function)
    reason = operands.part(given, data) or operands.before(step, given, data)
    if reason is not None:
        return Instead(reason.step, value, reason.cause, reason.fix), None
    if given.producer is not None and not given.producer.moves_only:
        mistake = hypotheses.explain(given.producer, data)
        if mistake:
            return Instead(given.producer, value, mistake.cause, mistake.fix, mistake.edit), None
    reason = operands.other(partners, step, given, value)
    return Instead(step, value, reason.cause, reason.fix) if reason else Instead(step, value), None


def _before(slot: int, function: Callable[[torch.Tensor], torch.Tensor]) -> Way:
    """Computes an operation with a function before one of its inputs."""

    def way(step: Step, new: Mapping[Value, torch.Tensor]) -> list[torch.Tensor]:
        x = step.inputs[slot]
        return torch_operations.compute(step, new, {(step, slot): function(new.get(x, x.data).detach())})

    return way


def _is_reshaped(value: Value, data: torch.Tensor) -> bool:
    return value.size == data.numel() and same(value.array.ravel(), data.numpy().ravel())


def _reshaped(slot: int, back: int) -> Way:
    """Computes an operation with an input that is only reshaped from what is so many layouts before it."""

    def way(step: Step, new: Mapping[Value, torch.Tensor]) -> list[torch.Tensor]:
        x = step.inputs[slot]
        origin = [x, *divergence.laid_out_from(x)][back]
        data = new.get(origin, origin.data).detach().reshape(x.shape)
        return torch_operations.compute(step, new, {(step, slot): data})

    return way


def _laying_out(way: list[Value]) -> list[Step]:
    steps = [x.producer for x in way[:-1] if x.producer is not None]
    return [step for step in steps if step.name not in ("clone", "detach", "expand", "alias")]
