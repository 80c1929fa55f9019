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


def test_pitch(capsys, tmp_path):
    hertz, sure, same = load("pitch").main(tmp_path / "pitch.png")
    printed = capsys.readouterr().out
    assert "the same network: 13 of 13 layers" in printed and "from_torch: the same network: 13" in printed
    assert len(hertz) == len(sure) == len(same) == 310
    # Where two bins are as likely rounding decides.
    assert same[sure > 0.5].mean() > 0.98
    # A grown-up's voice.
    assert 80 < np.median(hertz[sure > 0.5]) < 300 and (sure > 0.5).sum() > 100
    assert (tmp_path / "pitch.png").read_bytes().startswith(b"\x89PNG")


def test_first_week(capsys, tmp_path):
    week = load("first_week")
    assert week.monday().shape == (2, 4, 4, 4)
    model, report = week.tuesday()
    assert [layer.name for layer in report.layers] == ["conv1", "bn", "pool", "conv2"]
    losses = week.wednesday(model)
    assert np.mean(losses[-5:]) < losses[0] / 4
    smaller = week.thursday(model)
    assert smaller.conv2.weight[...].shape == (2, 8, 3, 3) and model.conv2.weight[...].shape == (10, 8, 3, 3)
    assert not smaller.conv1.weight[...][0].any() and model.conv1.weight[...][0].any()
    assert week.friday().ok
    sha256, right = week.saturday(smaller, tmp_path / "net")
    assert right.mean() > 0.9  # guessing gives 0.5
    printed = capsys.readouterr().out
    assert printed.count("the same network: 4 of 4 layers") == 2
    pytest.importorskip("aiohttp", reason="the extra `serve` is not installed")
    assert week.sunday(tmp_path / "net", sha256).mean() > 0.8
