"""The examples do what they print."""

import jax
import numpy as np
import pytest
from examples_support import load


@pytest.fixture(autouse=True)
def readers_have_jaxs_default():
    with jax.enable_x64(False):
        yield


def test_digits(capsys):
    digits = load("digits")
    _, (_, labels) = digits.digits()
    report, served, predicted, back = digits.main(epochs=8)
    printed = capsys.readouterr().out
    assert report.ok
    assert [layer.name for layer in report.layers] == ["conv1", "pool1", "conv2", "pool2"]
    # Nobody needs a good classifier, but one that learnt: guessing gives 0.1. The second was trained further.
    assert (served == labels).mean() > 0.85
    assert (predicted == labels).mean() > 0.85
    assert (served != predicted).any()
    np.testing.assert_array_equal(back, predicted)
    assert f"jax.jit serves {len(labels)} of {len(labels)} test images as torch does" in printed
    assert f"back in torch: {len(labels)} of {len(labels)} predictions are the same" in printed


def test_weights(capsys):
    automatic, zeros, uniform, own = load("weights").main()
    printed = capsys.readouterr().out
    # Each step is a new layer: the earlier ones are what they were.
    bound = 18**-0.5
    for layer, low, high in ((automatic, -bound, bound), (uniform, -1, 1)):
        weight = np.asarray(layer.weight[...])
        assert low <= weight.min() < weight.max() < high
        assert len(np.unique(weight)) == weight.size == 18
    assert abs(np.asarray(uniform.weight[...])).max() > bound
    assert abs(automatic.bias[0]) <= bound and automatic.bias[0] != 0
    assert not zeros.weight[...].any() and not zeros.bias[...].any()
    assert uniform.bias[0] == 0
    np.testing.assert_array_equal(np.asarray(own.weight[...]), np.arange(18).reshape(1, 2, 3, 3))
    assert own.bias[...].tolist() == [0.5]
    steps = ["automatic weights", "zeros", "uniform in [-1, 1)", "weights of one's own"]
    assert [line for line in printed.splitlines() if line.startswith(tuple(steps))] == [
        "automatic weights, torch's distribution",
        *steps[1:],
    ]
