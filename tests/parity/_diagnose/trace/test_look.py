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


@pytest.mark.share(3)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id.replace(" ", "-"))
def test_the_lines_and_the_cause_are_found(fault):
    found = seen(fault)
    assert is_near(found.torch, fault.marked(fault.theirs)), found
    assert is_near(found.flax, fault.marked(fault.ours)), found
    assert found.cause == (fault.cause or ""), found
    new = REWRITTEN.get(fault.id)
    assert found.fix.endswith(f": write `{new}`") if new else "write `" not in found.fix
    assert SAID.get(fault.id, "") in found.fix
    assert found.fix and "# here" in "".join(text for _, text in found.flax.excerpt + found.torch.excerpt)


SAID = {
    "concatenation in another order": "the parts are in another order: torch's part 1, then 3, then 2",
}


REWRITTEN = {
    "softmax over another axis": "attn = jax.nn.softmax(attn, axis=-1)",
    "std with another ddof": "std = x.std(-1, keepdims=True, ddof=1)",
    "another eps": "x = x * jax.lax.rsqrt(var + 0.001)",
    "mean over the wrong axis": "x = x.mean(axis=1)",
    "a difference the other way round": "d = a - b",
}


def checked(fault):
    theirs, ours, x = fault.networks()
    return parity.check(theirs, ours, x)


def test_a_report_shows_the_lines_of_a_layer_of_the_users_own():
    report = checked(INSIDE)
    assert report.first_divergence == "norm"
    (found,) = report.diagnosis
    assert (found.layer, found.cause) == ("norm", "unknown")
    assert found.torch.code == "x = (x - mean) / torch.sqrt(var + 1e-5)  # here"
    assert found.flax.code == "x = (x - mean) / (jnp.sqrt(var) + 1e-2)  # here"
    assert found.fix.endswith(
        "several operations of this line differ: a term of the sum is left out: torch computes add(other=1e-05); "
        "0.01 is added to what it is given"
    )


def test_a_report_says_the_cause_between_the_layers_and_the_remedy():
    fault = next(f for f in FAULTS if f.id == "roll missing")
    report = checked(fault)
    (found,) = report.diagnosis
    assert found.cause == fault.cause
    text = report.short().splitlines()
    assert text[-2].split() == ["torch", found.torch.name, *found.torch.code.split()]
    assert f"> {found.torch.line} | " in str(report)


def test_a_network_that_cannot_be_run_in_this_way_has_no_lines():
    theirs, ours, x = FAULTS[0].networks()
    o = original(theirs, (x,))
    pair = align(o.module, o.calls, ours, o.inputs, o.outputs, "to_flax", None, None)
    assert look(o.module, pair.whole, [np.zeros((3, 3))], {}, o.cotangents, o.limit) is None


@pytest.mark.parametrize("limit", [1000, 3000])
def test_the_lines_are_found_where_memory_does_not_suffice_for_all_values(limit):
    fault = next(f for f in FAULTS if f.id == "mean over the wrong axis")
    theirs, ours, x = fault.networks()
    o = original(theirs, (x,))
    pair = align(o.module, o.calls, ours, o.inputs, o.outputs, "to_flax", None, None)
    found = look(o.module, pair.whole, o.inputs, {}, o.cotangents, limit)
    assert is_near(found.torch, fault.marked(fault.theirs)) and is_near(found.flax, fault.marked(fault.ours))
    assert not found.cause
