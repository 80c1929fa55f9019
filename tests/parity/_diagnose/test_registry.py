"""The causes: each has a faulty port that shows it, and stands on the page."""

from pathlib import Path

import pytest
import torch
from corpus import PORTS
from faults import FAULTS
from faulty_networks import PARTS, faults

from parity import _diagnose
from parity._diagnose import convolutions, network
from parity._diagnose.hypothesis import Diagnosis
from parity._diagnose.registry import CAUSES, Cause, forms

PAGE = Path(__file__).resolve().parents[3] / "docs" / "diagnosis.md"
PLACES = {convolutions.FLATTENED, network.INPUT, network.LAYER, network.LAYERS}


def test_a_faulty_port_shows_each_cause():
    """test_corpus.py, trace/test_look.py and test_networks.py assert that the cause is found in it."""
    between = {fault.cause for fault in FAULTS if fault.cause}
    between |= {cause for part in PARTS for fault in faults(part) for cause in fault.causes}
    assert {port.causes[0] for port in PORTS} | between == set(CAUSES)
    assert {cause for port in PORTS for cause in port.causes} <= set(CAUSES)


def test_the_page_lists_the_causes():
    rows = [
        f"| `{cause.id}` | {cause.says} |" for cause in sorted(CAUSES.values(), key=lambda cause: cause.id)
    ]
    shown = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert shown == rows, "docs/diagnosis.md should have:\n" + "\n".join(rows)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=lambda cause: cause.id)
def test_a_form_is_for_what_torch_has(cause):
    for where in cause.forms:
        homes = (torch, torch.Tensor, torch.nn, torch.nn.functional)
        # __iadd__ and its like are called without their underscores.
        assert where in PLACES or any(hasattr(h, n) for h in homes for n in (where, f"__{where}__")), where


def test_forms_are_given_in_the_causes_order_with_their_fix():
    found = list(forms("ReLU6", torch.nn.ReLU6()))
    assert [cause.id for cause, *_ in found][:2] == ["activation.missing", "activation.relu6"]
    x = torch.tensor([-1.0, 7.0])
    ids = {fix: module(x).tolist() for _, fix, module in found}
    assert ids["it is the identity: torch's is ReLU6()"] == [-1, 7]
    assert ids["it is relu: torch's is ReLU6()"] == [0, 7]
    assert list(forms("nothing")) == []


def test_a_cause_says_where_it_is():
    assert _diagnose.DTYPE.at("conv", "write it") == Diagnosis("conv", "dtype", "write it")


def test_no_cause_and_no_form_is_entered_twice():
    with pytest.raises(AssertionError, match=r"padding\.mode"):
        Cause("padding.mode", "again")
    with pytest.raises(AssertionError, match=r"padding\.mode"):
        CAUSES["padding.mode"].tried("Conv2d")(lambda module: iter(()))
