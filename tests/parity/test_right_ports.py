"""parity.check calls right ports the same and finds the fault in wrong ones, however the Flax network is written."""

import numpy as np
import pytest

import parity
from tests.parity.ports import PORTS
from tests.parity.ports.port import outputs, scrambled

# What torch 2.14 and Python 3.13.0 have to say of torch.jit.trace and torch.compile.
pytestmark = [
    pytest.mark.share(6),
    pytest.mark.filterwarnings("ignore:.torch.jit.trace. is deprecated"),
    pytest.mark.filterwarnings("ignore:Guards may run slower"),
]


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


def compared(port, seed, wrong=False, convert="to_flax"):
    """Whether `parity.check` calls the two networks the same, or refuses what it may refuse; and what it says.

    Where the weights are to be carried over, the Flax network begins with random weights of its own.
    """
    module, model, inputs = port.build(seed, wrong)
    options = {"convert": convert, **port.options}
    if options["convert"] == "to_flax":
        model = scrambled(model, seed)
    try:
        report = parity.check(module, model, *inputs, seed=seed, **options)
    except (TypeError, ValueError) as error:
        if not port.refused:
            raise
        return "\n" not in str(error) and not wrong, f"{type(error).__name__}: {error}"
    return report.ok, report.short()


@pytest.mark.parametrize("name", PORTS)
def test_a_right_port_is_called_the_same(name, request):
    for seed in range(request.config.getoption("--seeds")):
        ok, text = compared(PORTS[name], seed)
        assert ok, (seed, text)


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name, port in PORTS.items() if "convert" not in port.options])
def test_a_right_port_whose_weights_were_converted_by_hand_is_called_the_same(name):
    ok, text = compared(PORTS[name], 0, convert=None)
    assert ok, text


@pytest.mark.parametrize("name", PORTS)
def test_the_fault_in_a_port_is_found(name):
    ok, text = compared(PORTS[name], 0, wrong=True)
    assert not ok, text
