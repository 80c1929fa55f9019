"""Networks with complex numbers inside: a filter in the frequency domain."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv
import parity

X = np.random.default_rng(0).standard_normal((2, 2, 4, 4)).astype(np.float32)


class Filter(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(3, 1, 1, dtype=torch.complex64))

    def forward(self, x):
        return torch.fft.fft2(x) * self.weight


class Torch(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.filter = torch.nn.Conv2d(2, 3, 1), Filter()

    def forward(self, x):
        return self.filter(self.conv(x)).abs()


class FlaxFilter(nnx.Module):
    def __init__(self, change):
        self.weight, self.change = nnx.Param(jnp.ones((3, 1, 1), jnp.complex64)), change

    def __call__(self, x):
        return self.change(jnp.fft.fft2(x) * self.weight)


class Flax(nnx.Module):
    def __init__(self, change):
        self.conv, self.filter = jaxconv.Conv2d(2, 3, 1, rngs=nnx.Rngs(0)), FlaxFilter(change)

    def __call__(self, x):
        return jnp.abs(self.filter(self.conv(x)))


@pytest.mark.parametrize("seed", range(3))
def test_a_right_port_passes(seed):
    torch.manual_seed(seed)
    parity.check(Torch(), Flax(lambda z: z), X, seed=seed).assert_ok()


@pytest.mark.parametrize(
    "change",
    [
        lambda z: z * jnp.float32(1 + 1e-3),
        lambda z: z.swapaxes(2, 3),
    ],
    ids=["scaled", "transposed"],
)
def test_a_wrong_layer_is_found(change):
    report = parity.check(Torch(), Flax(change), X)
    assert [layer.name for layer in report.layers if not layer.ok] == ["filter"]


@pytest.mark.parametrize("change", [jnp.conj, lambda z: z * jnp.complex64(1j)], ids=["conjugated", "turned"])
def test_a_layer_that_differs_where_the_network_does_not_is_said_to(change):
    """The network returns the absolute value: its outputs and all gradients are torch's."""
    report = parity.check(Torch(), Flax(change), X)
    report.assert_ok()
    assert [layer.name for layer in report.layers if layer.unjudged] == ["filter"]
