"""A dense block: each layer takes all maps before it."""

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv0 = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.bn1, self.conv1 = torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 2, 3, padding=1)
        self.bn2, self.conv2 = torch.nn.BatchNorm2d(6), torch.nn.Conv2d(6, 2, 3, padding=1)
        self.trans = torch.nn.Conv2d(8, 4, 1)

    def forward(self, x):
        x = self.conv0(x)
        y = self.conv1(torch.relu(self.bn1(x)))
        x = torch.cat([x, y], 1)
        y = self.conv2(torch.relu(self.bn2(x)))
        x = torch.cat([x, y], 1)
        x = self.trans(x)
        return TF.avg_pool2d(x, 2)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(4, (3, 3), padding=1, name="conv0")(x)
        y = linen.relu(linen.BatchNorm(True, epsilon=1e-5, name="bn1")(x))
        y = linen.Conv(2, (3, 3), padding=1, name="conv1")(y)
        x = jnp.concatenate([x, y], -1)
        y = linen.relu(linen.BatchNorm(True, epsilon=1e-5, name="bn2")(x))
        y = linen.Conv(2, (3, 3), padding=1, name="conv2")(y)
        x = jnp.concatenate([x, y], -1)
        x = linen.Conv(4, (1, 1), name="trans")(x)
        return linen.avg_pool(x, (2, 2), strides=(2, 2))


SHAPES = ((2, 3, 6, 8),)
FAULTS = [
    ("the new maps first", "x = jnp.concatenate([x, y], -1)\n        x = linen", "x = jnp.concatenate([y, x], -1)\n        x = linen", "concat.order", ("torch.cat([x, y], 1)\n        x = self.trans", "self.trans(x)"), ("name=\"trans\"",)),
    ("maximum for average", "linen.avg_pool(", "linen.max_pool(", "pool.kind", ("TF.avg_pool2d",)),
    ("an activation in the transition", "name=\"trans\")(x)", "name=\"trans\")(linen.relu(x))", "operation.additional", ("self.trans(x)", "torch.cat([x, y], 1)\n        x = self.trans")),
    ("no activation behind the first norm", "linen.relu(linen.BatchNorm(True, epsilon=1e-5, name=\"bn1\")(x))", "linen.BatchNorm(True, epsilon=1e-5, name=\"bn1\")(x)", "activation.missing", ("self.bn1(x)",)),
]  # fmt: skip
