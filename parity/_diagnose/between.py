"""Why two networks differ whose layers are all the same."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from parity._diagnose import network
from parity._diagnose.hypothesis import Diagnosis
from parity._diagnose.registry import UNKNOWN
from parity._diagnose.shape import describe
from parity._diagnose.trace import layer_lines
from parity._diagnose.trace.look import Seen, look
from parity._flax.network import Part
from parity._judge.end_to_end import EndToEnd
from parity._torch.network import Call
from parity._torch.original import rms
from parity._torch.tensors import from_numpy


def seen(whole: EndToEnd) -> Seen | None:
    """Where the networks part, operation by operation; None if that cannot be said."""
    o = whole.original
    if not o.runnable or o.random:
        return None
    return look(o.module, whole.part, o.inputs, {}, o.cotangents, o.limit)


def with_lines(
    found: Diagnosis, whole: EndToEnd, call: Call, part: Part | None, place: Callable[[], Seen | None]
) -> Diagnosis:
    """The diagnosis of a layer with the lines that call the layer, if they are known."""
    o = whole.original
    if found.torch is not None or found.flax is not None or not o.runnable:
        return found
    try:
        theirs = layer_lines.of_torch(o.module, o.inputs, call)
        ours = layer_lines.of_flax(whole.part, part, o.inputs) if part is not None else None
    except Exception:  # whatever the networks' code raises: the cause is reported without a line
        theirs = ours = None
    if ours is None:
        seen_there = place()
        if seen_there is not None and seen_there.layer == call.path:
            theirs, ours = seen_there.torch, seen_there.flax
    return replace(found, torch=theirs, flax=ours)


def between(
    whole: EndToEnd, calls: Sequence[Call], judged: Sequence[str], wrong: Sequence[str], place: Seen | None
) -> list[Diagnosis]:
    """The causes of a difference of the whole, where every layer is right on its own, one behind the other.

    Args:
        whole: the two networks.
        calls: torch's layers.
        judged: the paths of those that are right.
        wrong: the names of the results that differ.
        place: where the networks part, if that is known.
    """
    if place is None:
        return [_mistake(whole, calls, judged, wrong)]
    found, further = place.explains(), list(place.all())[1:]
    if found is None or place.generic:
        diagnosis = _mistake(whole, calls, judged, wrong)
        if diagnosis.cause != UNKNOWN.id:  # it explains all of it
            return [place.shows(diagnosis)]
        found = found or place.shows(diagnosis)
    return [found, *further]


def further(layers: Sequence[Diagnosis], right: Collection[str], place: Seen | None) -> list[Diagnosis]:
    """What else differs in networks in which these layers do.

    Not what is found at a layer that is right on its own: it stands next to one that is not, and is given its results.
    """
    known = {*right, *(fault.layer.partition("#")[0] for fault in layers)}
    return [fault for fault in place.all() if fault.layer not in known] if place is not None else []


def hides(place: Seen | None) -> bool:
    """Whether faults may be hidden behind those that were found."""
    return place is not None and place.hides


def _mistake(
    whole: EndToEnd, calls: Sequence[Call], judged: Sequence[str], wrong: Sequence[str]
) -> Diagnosis:
    """The mistake between the layers of torch's network that makes it compute what the Flax network does."""
    ours, wanted = whole.ours, whole.original.wanted
    error = describe(ours[wrong[0]], wanted[wrong[0]], None)
    text = f"every layer is right on its own; {wrong[0]}: {error}"
    if not whole.original.runnable:
        return UNKNOWN.at("", f"{text}. Compare with torch's network itself to have the causes tried")
    tensors = [from_numpy(x) for x in whole.original.inputs]
    before = {n: _apart(ours[n], wanted[n]) if ours[n].shape == wanted[n].shape else np.inf for n in wrong}
    outputs = [n for n in wrong if n.startswith("output")]

    def off(theirs: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, float] | None:
        """How far the Flax network is from the mistake's results, if it is much nearer than from torch's."""
        if not all(n in theirs and theirs[n].shape == ours[n].shape for n in names):
            return None
        found = {n: _apart(ours[n], theirs[n]) for n in names}
        return found if all(found[n] < 0.05 * before[n] for n in names) else None

    for where, cause, fix, module in network.mistakes(whole.original.module, tensors, calls, judged):
        try:
            # Gradients, and then the allowance with its many runs, only of what has come so far.
            if off(whole.forward(module), outputs) is None:
                continue
            theirs = whole.run(module)
        except Exception:
            continue  # the mistake cannot be made with these shapes
        found = off(theirs, wrong)
        if found is not None:
            limit = whole.allowances(module, theirs)
            if all(found[n] <= limit.get(n, 0.0) for n in wrong):
                return cause.at(where, fix)
    return UNKNOWN.at("", text)


def _apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    wide = np.result_type(ours, theirs, np.int8)  # NumPy does not subtract booleans
    return rms(np.subtract(ours, theirs, dtype=wide))
