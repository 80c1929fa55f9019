"""GhostNet: cheap maps beside ordinary ones."""

import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.primary = torch.nn.Conv2d(3, 4, 1)
        self.cheap = torch.nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.bn = torch.nn.BatchNorm2d(8)
        self.out = torch.nn.Conv2d(6, 3, 1)

    def forward(self, x):
        a = torch.relu(self.primary(x))
        b = torch.relu(self.cheap(a))
        y = torch.cat([a, b], 1)
        y = self.bn(y)
        y = y[:, :6]
        return self.out(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        a = linen.relu(linen.Conv(4, (1, 1), name="primary")(x))
        b = linen.relu(linen.Conv(4, (3, 3), padding=1, feature_group_count=4, name="cheap")(a))
        y = jnp.concatenate([a, b], -1)
        y = linen.BatchNorm(True, epsilon=1e-5, name="bn")(y)
        y = y[..., :6]
        return linen.Conv(3, (1, 1), name="out")(y)


SHAPES = ((2, 3, 5, 6),)
FAULTS = [
    ("the last six maps", "y[..., :6]", "y[..., 2:]", "slice.other", ("y[:, :6]",)),
    ("the epsilon of Keras", "epsilon=1e-5, name", "epsilon=1e-3, name", "norm.epsilon", ("self.bn(y)", "self.bn =")),
    ("the cheap maps first", "[a, b], -1", "[b, a], -1", "concat.order", ("torch.cat",)),
]  # fmt: skip
