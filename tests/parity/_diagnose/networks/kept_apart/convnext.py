"""A ConvNeXt block: depthwise 7x7, a norm over channels, an inverted bottleneck, a scale for each channel."""

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 2, stride=2)
        self.dw = torch.nn.Conv2d(6, 6, 7, padding=3, groups=6)
        self.norm = torch.nn.LayerNorm(6, eps=1e-6)
        self.pw1, self.pw2 = torch.nn.Linear(6, 12), torch.nn.Linear(12, 6)
        self.gamma = torch.nn.Parameter(torch.ones(6))
        self.head = torch.nn.Linear(6, 4)

    def forward(self, x):
        x = self.stem(x)
        y = self.dw(x).permute(0, 2, 3, 1)
        y = self.norm(y)
        y = TF.gelu(self.pw1(y))
        y = self.gamma * self.pw2(y)
        x = x + y.permute(0, 3, 1, 2)
        x = x.mean((2, 3))
        return self.head(x)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(6, (2, 2), strides=2, padding="VALID", name="stem")(x)
        y = linen.Conv(6, (7, 7), padding=3, feature_group_count=6, name="dw")(x)
        y = linen.LayerNorm(epsilon=1e-6, name="norm")(y)
        y = linen.gelu(linen.Dense(12, name="pw1")(y), approximate=False)
        gamma = self.param("gamma", linen.initializers.ones, (6,), jnp.float32)
        y = gamma * linen.Dense(6, name="pw2")(y)
        x = x + y
        x = x.mean((1, 2))
        return linen.Dense(4, name="head")(x)


SHAPES = ((2, 3, 10, 8),)
FAULTS = [
    ("gelu by its approximation", ", approximate=False)", ")", "gelu.approximate", ("TF.gelu",)),
    ("the scale left out", "y = gamma * linen", "y = 0 * gamma + linen", "scale.missing", ("self.gamma *",)),
    ("the sum left out", "x = x + y\n", "x = y\n", "residual.missing", ("x + y.permute",)),
    ("epsilon of the norm", "epsilon=1e-6", "epsilon=1e-3", "norm.epsilon", ("self.norm(y)", "self.norm =")),
]  # fmt: skip
