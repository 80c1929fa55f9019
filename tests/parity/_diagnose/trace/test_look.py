"""Faulty ports: for each the lines at fault on both sides, and the cause; never another cause."""

import numpy as np
import pytest
from faults import FAULTS, INSIDE

import parity
from parity._diagnose.trace.look import look
from parity._pairing.align import align
from parity._torch.original import original


def seen(fault):
    theirs, ours, x = fault.networks()
    o = original(theirs, (x,))
    pair = align(o.module, o.calls, ours, o.inputs, o.outputs, "to_flax", None, None)
    return look(o.module, pair.whole, o.inputs, {}, o.cotangents, o.limit)


def is_near(place, marked):
    """Whether a place is a marked line or next to one, or is in a function that such a line calls."""
    file, numbers = marked
    lines = [place.line] if place.file == file else []
    lines += [int(caller.rpartition(":")[2]) for caller in place.callers]
    return any(abs(line - number) <= 1 for line in lines for number in numbers)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id.replace(" ", "-"))
def test_the_lines_and_the_cause_are_found(fault):
    found = seen(fault)
    assert is_near(found.torch, fault.marked(fault.theirs)), found
    assert is_near(found.flax, fault.marked(fault.ours)), found
    assert found.cause == (fault.cause or ""), found
    assert found.fix and "# here" in "".join(text for _, text in found.flax.excerpt + found.torch.excerpt)
