"""ResNet-18 and MobileNetV2 by hand: torch's bits from torch's seeds, and the same networks by parity."""

import sys

import numpy as np
import pytest
import torch
from examples_support import EXAMPLES, load

import jaxconv
import parity


@pytest.fixture(scope="module", autouse=True)
def beside_each_other():
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


def kinds(name):
    module = load(name)
    classes = {"resnet18": ("TorchResNet18", "ResNet18"), "mobilenetv2": ("TorchMobileNetV2", "MobileNetV2")}
    return module, *(getattr(module, kind) for kind in classes[name])


@pytest.mark.parametrize("seeds", [range(2), pytest.param(range(2, 20), marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2"])
def test_bit_identical_parameters(name, seeds):
    _, theirs, ours = kinds(name)
    same_bits = load("resnet18").same_bits
    for seed in seeds:
        torch.manual_seed(seed)
        twin = theirs(0.25 if name == "mobilenetv2" else 8, num_classes=10)
        model = ours(0.25 if name == "mobilenetv2" else 8, num_classes=10, rngs=jaxconv.TorchRngs(seed))
        assert same_bits(model, twin)
    assert not same_bits(model, theirs(0.25 if name == "mobilenetv2" else 8, num_classes=10))


@pytest.mark.thorough
def test_resnet18_does_what_it_prints(capsys):
    load("resnet18").main(width=4, num_classes=10, size=32)
    printed = capsys.readouterr().out
    assert "same seed, same bits: True" in printed and "same classes: True" in printed
    assert (
        printed.count("the same network: 52 of 52 layers and the network end to end differ by rounding only")
        == 3
    )


@pytest.mark.thorough
def test_mobilenetv2_is_torchs():
    _, theirs, ours = kinds("mobilenetv2")
    torch.manual_seed(0)
    twin, model = theirs(0.25, num_classes=10).eval(), ours(0.25, num_classes=10, rngs=jaxconv.TorchRngs(0))
    model.eval()
    x = np.random.default_rng(0).standard_normal((1, 3, 32, 32), dtype=np.float32)
    report = parity.check(twin, model, x)
    report.assert_ok()
    assert len(report.layers) == 141
