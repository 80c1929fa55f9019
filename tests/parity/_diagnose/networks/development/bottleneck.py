"""A ResNet bottleneck with a projection."""

import jax
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(4, 3, 1, bias=False), torch.nn.BatchNorm2d(3)
        self.conv2, self.bn2 = (
            torch.nn.Conv2d(3, 3, 3, stride=2, padding=1, bias=False),
            torch.nn.BatchNorm2d(3),
        )
        self.conv3 = torch.nn.Conv2d(3, 6, 1)
        self.project = torch.nn.Conv2d(4, 6, 1, stride=2)
        self.fc = torch.nn.Linear(6, 3)

    def forward(self, x):
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.conv3(y)
        x = torch.relu(y + self.project(x))
        x = TF.adaptive_avg_pool2d(x, 1).flatten(1)
        return self.fc(x)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.conv1, self.bn1 = nnx.Conv(4, 3, (1, 1), use_bias=False, rngs=rngs), nnx.BatchNorm(3, rngs=rngs)
        self.conv2 = nnx.Conv(3, 3, (3, 3), strides=2, padding=1, use_bias=False, rngs=rngs)
        self.bn2 = nnx.BatchNorm(3, rngs=rngs)
        self.conv3 = nnx.Conv(3, 6, (1, 1), rngs=rngs)
        self.project = nnx.Conv(4, 6, (1, 1), strides=2, rngs=rngs)
        self.fc = nnx.Linear(6, 3, rngs=rngs)

    def __call__(self, x):
        y = jax.nn.relu(self.bn1(self.conv1(x)))
        y = jax.nn.relu(self.bn2(self.conv2(y)))
        y = self.conv3(y)
        x = jax.nn.relu(y + self.project(x))
        x = x.mean((1, 2))
        return self.fc(x)


SHAPES = ((2, 4, 8, 6),)
FAULTS = [
    ("SAME padding", "strides=2, padding=1, use_bias", "strides=2, padding=\"SAME\", use_bias", "padding.same", ("self.conv2(y)", "self.conv2, self.bn2 ="), ("self.conv2(y)",)),
    ("the activation before the sum", "jax.nn.relu(y + self.project(x))", "jax.nn.relu(y) + self.project(x)", "operation.order", ("y + self.project",)),
    ("no last activation", "jax.nn.relu(y + self.project(x))", "y + self.project(x)", "activation.missing", ("y + self.project",)),
    ("the maximum over places", "x = x.mean((1, 2))", "x = x.max((1, 2))", "reduction.kind|pool.kind", ("adaptive_avg_pool2d",)),
]  # fmt: skip
