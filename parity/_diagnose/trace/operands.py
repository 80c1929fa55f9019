"""What an operation is given in the place of what torch gives it: another array, part of one, or layer's weights."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch

from parity._diagnose.registry import Cause
from parity._diagnose.trace import arithmetic, divergence, hypotheses, torch_operations
from parity._diagnose.trace.divergence import Divergence
from parity._diagnose.trace.match import Partners, same
from parity._diagnose.trace.values import Step, Value

OPERAND = Cause("operand.other", "an operation that is given another array of those that both networks have")
PART = Cause("slice.other", "another part of an array, or all of it reduced")
REVERSED = Cause("order.reversed", "an array in the reverse order")
RESHAPED = Cause(
    "reshape.order", "an array that is reshaped without the transposition that torch makes, or with another"
)
LAYER = Cause("layer.other", "another layer's weights")

_MOST = 24
"""How many arrays are tried in the place of one."""
_MOST_PARTS = 64

Replayed = Callable[..., bool]
"""Whether torch's network with these changes gives the Flax network's outputs, as of `Goal.reached`."""


class Given(NamedTuple):
    """Why an operation is given other numbers: where that is decided, the cause, the fix in words, and what it is."""

    step: Step
    cause: Cause
    fix: str
    ours: Value | None = None


def part(given: Value, data: torch.Tensor) -> Given | None:
    """Another part than torch's of the same array, laid out as torch's is."""
    way = [given, *divergence.laid_out_from(given)]
    for i, value in enumerate(way):
        step = value.producer
        if step is None or not step.moves_only:
            return None
        after = [x.producer for x in reversed(way[:i]) if x.producer is not None]
        for text, other in _parts(step):
            found = _laid_out(after, value, other)
            if found is not None and found.shape == data.shape and same(found.numpy(), data.numpy()):
                return Given(step, PART, f"{text}: torch's is {hypotheses.describe(step)}")
    return None


def _parts(step: Step) -> Iterator[tuple[str, torch.Tensor]]:
    if step.name not in ("select", "slice"):
        return
    named = hypotheses.Given(step).named
    x, dim = named["self"], named["dim"]
    size = x.shape[dim]
    if step.name == "select":
        for i in range(min(size, _MOST_PARTS)):
            yield f"it is element {i} of {size}", x.select(dim, i)
        for name in ("mean", "sum", "amax"):
            yield f"it is the {name} over dimension {dim}", getattr(x, name)(dim)
        return
    taken = step.outputs[0].shape[dim]
    for first in range(min(size - taken + 1, _MOST_PARTS)):
        yield f"it is the part from {first} to {first + taken} of {size}", x.narrow(dim, first, taken)


def _laid_out(steps: list[Step], value: Value, data: torch.Tensor) -> torch.Tensor | None:
    """What these layouts make of other numbers in the place of a value."""
    new: dict[Value, torch.Tensor] = {value: data}
    try:
        for step in steps:
            results = torch_operations.compute(step, new)
            new.update(zip(step.outputs, results, strict=False))
            data = results[0]
    except (RuntimeError, ValueError, IndexError):
        return None
    return data


def before(step: Step, given: Value, data: torch.Tensor) -> Given | None:
    """What is done to the input of an operation, and in torch is not."""
    x = given.data.detach()
    for dim in range(x.ndim):
        if same(x.flip(dim).numpy(), data.numpy()):
            return Given(step, REVERSED, f"dimension {dim} is in the reverse order")
    for name, function in arithmetic.UNARY.items():
        with_it = function(x)
        if same(with_it.numpy(), data.numpy()):
            return Given(step, hypotheses.ADDITIONAL, f"{name} comes before it: torch has none there")
    if x.unique().numel() < 3:
        return None  # one number fits any two
    factor = hypotheses.ratio(data, x)
    if same((factor * x).numpy(), data.numpy()):
        return Given(
            step, hypotheses.FACTOR, f"it is given {hypotheses.number(factor)} times what torch gives it"
        )
    offset = float((data - x).mean())
    if same((x + offset).numpy(), data.numpy()):
        return Given(step, hypotheses.OFFSET, f"{hypotheses.number(offset)} is added to what it is given")
    return None


def other(partners: Partners, step: Step, given: Value, value: Value) -> Given | None:
    """Another array that both networks have."""
    known = next((v for v in partners.of(value) if v is not given), None)
    if known is None or given in partners.moved(value):
        return None
    return Given(
        step, OPERAND, f"it is given {_named(partners, known)}: torch gives it {_named(partners, given)}"
    )


def _named(partners: Partners, value: Value) -> str:
    for x in (value, *divergence.laid_out_from(value)):
        if x in partners.theirs.names:
            return partners.theirs.names[x]
        if x.producer is not None and x.producer.lines and not x.producer.moves_only:
            file, line = x.producer.lines[0]
            return f"the {x.producer.name} of {file.rpartition('/')[2]}:{line}"
    return "a constant"


def exchanged(partners: Partners, parted: Divergence, replayed: Replayed) -> Given | None:
    """Two arrays that changed places wherever they are used."""
    step = parted.theirs
    taken = [x for s in partners.theirs.steps if any(y in parted.region for y in s.outputs) for x in s.inputs]
    known = [x for x in dict.fromkeys(taken) if x.floating and x not in parted.region and x.data is not None]
    for i, a in enumerate(step.inputs):
        if not a.floating:
            continue
        for b in [x for x in known if x is not a and x.shape == a.shape][:_MOST]:
            # An array and its transposition are one array that is laid out in another way.
            if same(np.sort(a.array, None), np.sort(b.array, None)):
                continue
            result = _attempt(step, {(step, i): b.data.detach()})
            if result is None or not partners.has(result, parted.unknown):
                continue
            if replayed({a: b.data.detach(), b: a.data.detach()}):
                text = f"{_named(partners, a)} and {_named(partners, b)} changed places"
                return Given(step, hypotheses.SWAPPED, text)
    return None


def other_layer(partners: Partners, parted: Divergence, replayed: Replayed) -> Given | None:
    """Another layer's weights in the place of those that an operation takes."""
    step = parted.theirs
    names = {value: name for value, name in partners.theirs.names.items() if name != torch_operations.INPUT}
    leaves = {name: value for value, name in names.items()}
    slots: dict[int, Value] = {}
    for i, x in enumerate(step.inputs):
        origin = next((v for v in (x, *divergence.laid_out_from(x)) if v in names), None)
        if origin is not None:
            slots[i] = origin
    paths = {names[v].rpartition(".")[0] for v in slots.values()}
    if len(paths) != 1:
        return None
    (own,) = paths
    for path in dict.fromkeys(name.rpartition(".")[0] for name in leaves):
        others = {v: leaves.get(f"{path}.{names[v].rpartition('.')[2]}") for v in slots.values()}
        if path == own or not all(o is not None and o.shape == v.shape for v, o in others.items()):
            continue
        changes: dict[Any, torch.Tensor] = {}
        for i, v in slots.items():
            way = [step.inputs[i], *divergence.laid_out_from(step.inputs[i])]
            after = [x.producer for x in reversed(way[: way.index(v)]) if x.producer is not None]
            data = _laid_out(after, v, others[v].data.detach())  # type: ignore[union-attr]
            if data is not None:
                changes[step, i] = data
        if len(changes) == len(slots) and replayed({}, changes):
            return Given(step, LAYER, f"the weights are those of {path!r}: torch's are those of {own!r}")
    return None


def turned_round(partners: Partners, parted: Divergence, replayed: Replayed) -> Given | None:
    """An operand two of whose axes changed places: of equal length, so that it still fits."""
    step = parted.theirs
    for i, x in enumerate(step.inputs):
        way = [x, *divergence.laid_out_from(x)]
        origin, after = way[-1], [v.producer for v in reversed(way[:-1]) if v.producer is not None]
        for a, b in itertools.combinations(range(len(origin.shape)) if x.floating else (), 2):
            if not 1 < origin.shape[a] == origin.shape[b]:
                continue
            data = _laid_out(after, origin, origin.data.detach().transpose(a, b))
            if data is not None and replayed({}, {(step, i): data}):
                text = f"dimensions {a} and {b} of {_named(partners, x)} changed places"
                return Given(step, RESHAPED, text)
    return None


def constants(partners: Partners, parted: Divergence, replayed: Replayed) -> Given | None:
    """Other numbers in a table, a grid or a mask."""
    ours = [
        y
        for s in partners.ours.steps
        for y in s.outputs
        if y.floating and not y.moves and y.size > 1 and not partners.of(y)
    ]
    for x in parted.theirs.inputs:
        for value in _made_from(x):
            for other in [y for y in ours if y.size == value.size][:_MOST]:
                data = torch.from_numpy(other.array.reshape(value.shape).copy())
                if replayed({value: data}):
                    step = value.producer or parted.theirs
                    return Given(step, OPERAND, "its constants are other numbers than torch's", other)
    return None


def _made_from(value: Value) -> list[Value]:
    """A constant, and the constants that it is computed from."""
    found = [value]
    for x in found:
        found += [
            y for y in (x.producer.inputs if x.producer else ()) if y not in found and len(found) < _MOST
        ]
    return [x for x in found if x.floating and not x.moves and x.size > 1]


def _attempt(step: Step, slots: Mapping[tuple[Step, int], torch.Tensor]) -> Any:
    try:
        return torch_operations.compute(step, {}, slots)[0]
    except (RuntimeError, ValueError, IndexError):
        return None
