"""A small network in training mode, with batch statistics."""

import jax
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv
from jaxconv import functional as F


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.BatchNorm2d(4)
        self.conv2, self.bn2 = torch.nn.Conv2d(4, 4, 3, padding=1), torch.nn.BatchNorm2d(4)
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = TF.avg_pool2d(x, 2)
        x = torch.relu(self.bn2(self.conv2(x)))
        x = x.mean((2, 3))
        return self.fc(x)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.conv1, self.bn1 = jaxconv.Conv2d(3, 4, 3, padding=1, rngs=rngs), jaxconv.BatchNorm2d(4)
        self.conv2, self.bn2 = jaxconv.Conv2d(4, 4, 3, padding=1, rngs=rngs), jaxconv.BatchNorm2d(4)
        self.fc = jaxconv.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        x = jax.nn.relu(self.bn1(self.conv1(x)))
        x = F.avg_pool2d(x, 2)
        x = jax.nn.relu(self.bn2(self.conv2(x)))
        x = x.mean((2, 3))
        return self.fc(x)


SHAPES = ((4, 3, 8, 6),)
TRAIN = True
FAULTS = [
    ("the pooling's stride", "F.avg_pool2d(x, 2)", "F.avg_pool2d(x, 2, 1)", "pool.stride", ("TF.avg_pool2d",)),
    ("a wider pooling", "F.avg_pool2d(x, 2)", "F.avg_pool2d(x, 3, 2, 1)", None, ("TF.avg_pool2d",)),
    ("no activation behind the second norm", "jax.nn.relu(self.bn2(self.conv2(x)))", "self.bn2(self.conv2(x))", "activation.missing", ("self.bn2(self.conv2",)),
    ("momentum", "self.bn2 = jaxconv.Conv2d(4, 4, 3, padding=1, rngs=rngs), jaxconv.BatchNorm2d(4)", "self.bn2 = jaxconv.Conv2d(4, 4, 3, padding=1, rngs=rngs), jaxconv.BatchNorm2d(4, momentum=0.9)", "batchnorm.momentum", ("self.bn2(self", "self.bn2 ="), ("self.bn2(self",)),
]  # fmt: skip
