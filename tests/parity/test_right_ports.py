"""parity.check calls right ports the same and finds the fault in wrong ones, however the Flax network is written."""

import numpy as np
import pytest

import parity
from tests.parity.ports import PORTS
from tests.parity.ports.port import outputs, scrambled

# What `parity.check` says today about ports that are right. A name is removed when its port passes.
FAILING: dict[str, str] = {}


@pytest.mark.parametrize("name", PORTS)
def test_the_port_is_right_and_its_fault_is_one(name):
    port = PORTS[name]
    for wrong in (False, True):
        theirs, ours = outputs(port, seed=0, wrong=wrong)
        assert theirs
        assert {k: y.shape for k, y in theirs.items()} == {k: y.shape for k, y in ours.items()}
        assert all(np.std(y) > 0 for y in theirs.values())
        # Half of the digits: rounding in so small a network takes a few of them, a fault takes more.
        half = np.sqrt(np.finfo(np.float32 if port.narrow else np.float64).eps)
        distances = [np.abs(ours[k].astype(float) - y).max() / np.abs(y).max() for k, y in theirs.items()]
        assert (max(distances) > half) == wrong, distances


def compared(port, seed, wrong=False):
    """Whether `parity.check` calls the two networks the same, and the last line of what it says.

    Where the weights are to be carried over, the Flax network begins with random weights of its own.
    """
    module, model, inputs = port.build(seed, wrong)
    if port.options.get("convert", "to_flax") == "to_flax":
        model = scrambled(model, seed)
    try:
        report = parity.check(module, model, *inputs, seed=seed, **port.options)
    except Exception as error:
        if port.name not in FAILING and not port.refused:
            raise
        return False, f"{type(error).__name__}: {error}"
    return report.ok, report.short()


def last_line(text):
    return text.strip().splitlines()[-1].strip()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PORTS)
def test_a_right_port_is_called_the_same(name, seed):
    ok, text = compared(PORTS[name], seed)
    if name in FAILING:
        assert not ok, f"{name!r} passes now: remove it from FAILING"
        pytest.xfail(last_line(text))
    if PORTS[name].refused and not ok:
        kind, _, sentence = text.partition(": ")
        assert kind in ("TypeError", "ValueError") and "\n" not in sentence, text
    else:
        assert ok, text


@pytest.mark.parametrize("name", PORTS)
def test_the_fault_in_a_port_is_found(name):
    ok, text = compared(PORTS[name], seed=0, wrong=True)
    assert not ok, text


def test_every_name_in_failing_is_a_port():
    assert set(FAILING) <= set(PORTS)
