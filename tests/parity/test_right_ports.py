"""parity.check calls right ports the same and finds the fault in wrong ones, however the Flax network is written."""

import numpy as np
import pytest

import parity
from tests.parity.ports import PORTS
from tests.parity.ports.failing import FAILING, FAILING_CONVERTED
from tests.parity.ports.port import outputs, scrambled


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


def compared(port, seed, failing, wrong=False, convert="to_flax"):
    """Whether `parity.check` calls the two networks the same, or refuses what it may refuse; and what it says.

    Where the weights are to be carried over, the Flax network begins with random weights of its own.
    """
    module, model, inputs = port.build(seed, wrong)
    options = {"convert": convert, **port.options}
    if options["convert"] == "to_flax":
        model = scrambled(model, seed)
    try:
        report = parity.check(module, model, *inputs, seed=seed, **options)
    except Exception as error:
        if port.name not in failing and not port.refused:
            raise
        clear = isinstance(error, TypeError | ValueError) and "\n" not in str(error)
        return port.refused and clear and not wrong, f"{type(error).__name__}: {error}"
    return report.ok, report.short()


def expect_the_same(ok, text, name, failing):
    if name in failing:
        assert not ok, f"{name!r} passes now: remove it from the ports that fail"
        pytest.xfail(text.strip().splitlines()[-1].strip())
    assert ok, text


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PORTS)
def test_a_right_port_is_called_the_same(name, seed):
    expect_the_same(*compared(PORTS[name], seed, FAILING), name, FAILING)


@pytest.mark.parametrize("name", [name for name, port in PORTS.items() if "convert" not in port.options])
def test_a_right_port_whose_weights_were_converted_by_hand_is_called_the_same(name):
    found = compared(PORTS[name], 0, FAILING_CONVERTED, convert=None)
    expect_the_same(*found, name, FAILING_CONVERTED)


@pytest.mark.parametrize("name", PORTS)
def test_the_fault_in_a_port_is_found(name):
    ok, text = compared(PORTS[name], 0, FAILING, wrong=True)
    assert not ok, text


def test_every_name_of_a_port_that_fails_is_a_port():
    assert set(FAILING) | set(FAILING_CONVERTED) <= set(PORTS)
