"""A grouped convolution between norms, before the activation of its sum."""

import jax
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.bn1, self.conv1 = torch.nn.BatchNorm2d(4), torch.nn.Conv2d(4, 8, 1, bias=False)
        self.gn = torch.nn.GroupNorm(2, 8)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.conv3 = torch.nn.Conv2d(8, 4, 1)

    def forward(self, x):
        y = self.conv1(torch.relu(self.bn1(x)))
        y = self.conv2(torch.relu(self.gn(y)))
        y = self.conv3(y)
        return x + y


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.bn1, self.conv1 = nnx.BatchNorm(4, rngs=rngs), nnx.Conv(4, 8, (1, 1), use_bias=False, rngs=rngs)
        self.gn = nnx.GroupNorm(8, num_groups=2, epsilon=1e-5, rngs=rngs)
        self.conv2 = nnx.Conv(8, 8, (3, 3), padding=1, feature_group_count=4, rngs=rngs)
        self.conv3 = nnx.Conv(8, 4, (1, 1), rngs=rngs)

    def __call__(self, x):
        y = self.conv1(jax.nn.relu(self.bn1(x)))
        y = self.conv2(jax.nn.relu(self.gn(y)))
        y = self.conv3(y)
        return x + y


SHAPES = ((2, 4, 5, 6),)
FAULTS = [
    ("other groups of the norm", "num_groups=2", "num_groups=4", "groupnorm.groups", ("self.gn =", "self.gn(y)"), ("self.gn(y)",)),
    ("the norm behind the activation", "jax.nn.relu(self.gn(y))", "self.gn(jax.nn.relu(y))", "operation.order", ("self.gn(y)",)),
    ("the padding circular", "padding=1, feature", "padding=\"CIRCULAR\", feature", "padding.mode", ("self.conv2 =", "self.conv2("), ("self.conv2(",)),
    ("the sum of the activated input", "return x + y", "return jax.nn.relu(self.bn1(x)) + y", "operand.other", ("return x + y",)),
]  # fmt: skip
