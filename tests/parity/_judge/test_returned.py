"""Networks and layers that return another number of arrays than torch's."""

import re

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from torch import nn

import jaxconv
import parity

pytestmark = pytest.mark.share(2)

X = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)


def _first(y):
    return y[0] if isinstance(y, tuple) else y


class Torch(nn.Module):
    """A network of one layer that returns the first of its results."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return _first(self.layer(x))


class Flax(nnx.Module):
    """A network of one layer that returns the first of its results."""

    def __init__(self, layer, scale=1.0):
        self.layer, self.scale = layer, scale

    def __call__(self, x):
        return self.scale * _first(self.layer(x))


class One(nn.Module):
    def forward(self, x):
        return x * 2


class Two(nn.Module):
    def forward(self, x):
        return x * 2, x + 1


class FlaxOne(nnx.Module):
    def __call__(self, x):
        return x * 2


class FlaxTwo(nnx.Module):
    def __call__(self, x):
        return x * 2, x + 1


POOLED = r"float32 \(2, 3, 4, 4\)"
CASES = {
    "indices-in-torch": (
        nn.MaxPool2d(2, return_indices=True),
        jaxconv.MaxPool2d(2),
        rf"torch's MaxPool2d returns 2 arrays \({POOLED} and int64 \(2, 3, 4, 4\)\); the Flax layer returns 1 array "
        rf"\({POOLED}\): pass return_indices=True, as torch's layer has it",
    ),
    "indices-in-flax": (
        nn.MaxPool2d(2),
        jaxconv.MaxPool2d(2, return_indices=True),
        r"returns 1 array .*; the Flax layer returns 2 arrays .*: pass return_indices=False, as torch's layer has it",
    ),
    "tuple-in-torch": (
        Two(),
        FlaxOne(),
        r"torch's Two returns 2 arrays .* returns 1 array .*: return the same arrays",
    ),
    "tuple-in-flax": (
        One(),
        FlaxTwo(),
        r"torch's One returns 1 array .* returns 2 arrays .*: return the same arrays",
    ),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_layer_that_returns_another_number_of_arrays_is_named(kind):
    theirs, ours, words = CASES[kind]
    # The networks return the same, so that the layer's other results are their own affair.
    report = parity.check(Torch(theirs), Flax(ours), X)
    report.assert_ok()
    assert re.search(words, report.layers[0].unjudged)
    assert any(re.search(words, note) for note in report.notes)
    # Where the networks differ, too, the layer is the cause.
    report = parity.check(Torch(theirs), Flax(ours, 1.5), X)
    (cause,) = report.diagnosis
    assert (cause.layer, cause.cause) == ("layer", "output.structure")
    with pytest.raises(AssertionError, match=words):
        report.assert_ok()
    assert "missing" not in str(report) and "ceil_mode" not in str(report)


@pytest.mark.parametrize("kind", ["indices-in-flax", "tuple-in-torch", "tuple-in-flax"])
def test_a_network_that_returns_another_number_of_arrays_is_named(kind):
    theirs, ours, words = CASES[kind]
    report = parity.check(theirs, ours, X)
    with pytest.raises(AssertionError, match=words.replace("the Flax layer", "the Flax (layer|network)")):
        report.assert_ok()
    assert any("network: output: torch's" in line for line in report.findings())


def test_the_same_structure_is_no_finding():
    parity.check(
        Torch(nn.MaxPool2d(2, return_indices=True)), Flax(jaxconv.MaxPool2d(2, return_indices=True)), X
    ).assert_ok()


def test_a_mistake_that_makes_no_difference_is_not_the_cause():
    class Doubled(nnx.Module):
        def __call__(self, x):
            return jaxconv.functional.max_pool2d(x, 2) * 2

    report = parity.check(nn.Sequential(nn.MaxPool2d(2)), jaxconv.Sequential(Doubled()), X)
    # 8 is a multiple of 2: ceil_mode changes nothing.
    assert [cause.cause for cause in report.diagnosis] == ["factor.value"]


class Chosen(nn.Module):
    """A layer that returns no floating array, between two that do."""

    def forward(self, x):
        return x.argmax(1)


class FlaxChosen(nnx.Module):
    def __init__(self, choose):
        self.choose = choose

    def __call__(self, x):
        return self.choose(x, 1)


class TorchByIndex(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.chosen = nn.Conv2d(3, 4, 1), Chosen()

    def forward(self, x):
        y = self.conv(x)
        return y * self.chosen(y)[:, None]


class FlaxByIndex(nnx.Module):
    def __init__(self, choose):
        self.conv, self.chosen = jaxconv.Conv2d(3, 4, 1, rngs=nnx.Rngs(0)), FlaxChosen(choose)

    def __call__(self, x):
        y = self.conv(x)
        return y * self.chosen(y)[:, None]


def test_a_layer_without_floating_outputs_is_compared_exactly():
    parity.check(TorchByIndex(), FlaxByIndex(jnp.argmax), X).assert_ok()
    report = parity.check(TorchByIndex(), FlaxByIndex(jnp.argmin), X)
    assert [layer.name for layer in report.layers if not layer.ok] == ["chosen"]
    with pytest.raises(AssertionError, match=r"chosen.*index: \d+ of 128 elements are off"):
        report.assert_ok()
