"""A converted network as text."""

import jax.numpy as jnp
import torch
from flax import nnx
from one_function import Of
from torch import nn
from torch.nn import functional as F

import jaxconv


class Double(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.double_conv = nn.Sequential(
            nn.Conv2d(inputs, outputs, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(outputs, eps=0.1),
            nn.ReLU(),
        )
        self.double_conv[0].weight.requires_grad_(False)

    def forward(self, x, scale):
        y = self.double_conv(x) * scale
        return F.dropout(y, 0.5, self.training).reshape(x.shape[0] * 2, -1), y


def test_a_line_for_each_layer_and_the_program_as_code():
    module = Double(3, 64).eval()
    module.double_conv[1].half()
    network = jaxconv.from_torch(module, (torch.ones(2, 3, 8, 8), torch.ones(1)), check=False)
    text = """\
Double(
  (double_conv): Sequential(
    (0): Conv2d(3, 64, kernel_size=(7, 7), stride=(2, 2), padding=(3, 3), bias=False)  # weight: float32[64,3,7,7] frozen
    (1): BatchNorm2d(64, eps=0.1)  # weight: float16[64], bias: float16[64], running_mean: float16[64], \
running_var: float16[64], num_batches_tracked: int64[]
    (2): ReLU()
  )
  def __call__(self, x0, x1):  # x0: float32[n,3,8,8], x1: float32[1]
    x2 = self.double_conv(x0)
    x3 = mul(x2, x1)
    x4 = dropout(x3, 0.5, not self.deterministic)
    x5 = reshape(x4, (mul(2, x0.shape[0]), -1))
    return x5, x3
)"""
    assert str(network) == repr(network) == text
    assert str(nnx.merge(*nnx.split(network))) == text
    assert str(network.double_conv).startswith("Sequential(\n  (0): Conv2d(3, 64, ")


def test_ways_and_batch_sizes_are_told_apart():
    class Ways(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Of(lambda x, more=False: x + 1 if more else x.cumsum(0) if x.shape[0] > 1 else 2 * x)

        def forward(self, x):
            return self.inner(self.inner(x), True)

    lines = str(jaxconv.from_torch(Ways(), torch.ones(3, 2))).splitlines()
    assert lines[1] == "  (inner): Of("
    assert "    def __call__(self, x0):  # way 1 of 2 in which the network calls it" in lines
    assert lines.count("    def __call__(self, x0):  # at batch size 1") == 2
    assert "      return cumsum(x0, 0)" in lines and "      return mul(x0, 2)" in lines


def test_a_custom_function_and_a_replaced_module():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.empty = nn.Linear(2, 2), nn.Identity()

        def forward(self, x):
            return Double.apply(self.empty(self.fc(x)))

    network = jaxconv.from_torch(Net(), torch.ones(1, 2))
    network.fc = nnx.Linear(2, 3, rngs=nnx.Rngs(0))
    text = str(network)
    assert "(fc): Linear()  # " in text and "kernel: float32[2,3]" in text and "(empty): Identity()" in text
    assert "custom_function((x1,), (" in text and "Instruction" not in text
    assert network(jnp.ones((1, 2), jnp.float32)).shape == (1, 3)
