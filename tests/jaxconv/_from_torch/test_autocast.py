"""torch.autocast regions: torch's casts are steps of the converted network."""

import jax
import numpy as np
import pytest
import torch
from flax import nnx
from one_function import Of
from torch import nn

import jaxconv
from parity._torch.tensors import to_numpy


class Mixed(nn.Module):
    """Regions in regions. Whole numbers for weights: in bfloat16 nothing rounds, so all must be equal."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)
        self.conv, self.norm, self.drop = nn.Conv1d(2, 2, 1), nn.BatchNorm1d(2), nn.Dropout()
        for parameter in self.parameters():
            nn.init.constant_(parameter, 1)
        self.first.weight.data[0] = 2

    def forward(self, x):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            y = self.first(x)
            z = self.drop(self.conv(y)) + x
            with torch.autocast("cpu", enabled=False):
                exact = self.second(z.float() + 1 / 512)
            sums = torch.cat([y, x]).cumsum(0)
            total = y.sum().exp().log()
        return y, z, exact, sums, self.norm(y.float()), total


X = np.arange(8, dtype=np.float32).reshape(1, 2, 4)
SQUARE = X.reshape(2, 2, 2)[0]


def test_the_regions_compute_what_torch_computes_in_torchs_dtypes():
    module = Mixed().eval()
    network = jaxconv.from_torch(module, X)
    for ours, theirs in zip(network(X)[:4], module(torch.from_numpy(X))[:4], strict=True):
        assert ours.dtype == to_numpy(theirs.detach()).dtype
        np.testing.assert_array_equal(ours, to_numpy(theirs.detach()))
    called = {step.args[0][0] for step in network.programs[0].steps if step.op == "call"}
    assert called == {"first", "second", "conv", "norm", "drop"}


def test_gradients_go_through_the_casts():
    product = torch.autocast("cpu", dtype=torch.bfloat16)(torch.mm)
    network = jaxconv.from_torch(Of(lambda x: product(x, x)), SQUARE)
    x = torch.from_numpy(SQUARE).requires_grad_()
    product(x, x).float().sum().backward()
    ours = jax.grad(lambda a: network(a).astype("float32").sum())(SQUARE)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, x.grad)


@pytest.mark.filterwarnings("ignore:CUDA is not available")
@pytest.mark.filterwarnings("ignore:User provided device_type of 'cuda'")
def test_a_region_for_cuda_that_is_traced_on_a_cpu_casts_nothing():
    def forward(x):
        with torch.autocast("cuda"):
            return x @ x.mT

    ours = jaxconv.from_torch(Of(forward), X)(X)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, X @ X.transpose(0, 2, 1))


def test_dropout_in_a_region_is_switched_by_the_mode():
    network = jaxconv.from_torch(Mixed().train(), X, rngs=nnx.Rngs(0))
    network.train()
    assert any((network(X)[1] == X).reshape(-1))
    network.eval()
    np.testing.assert_array_equal(network(X)[1], to_numpy(Mixed().eval()(torch.from_numpy(X))[1].detach()))
