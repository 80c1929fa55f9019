"""Factorised convolutions over space and time."""

import jax
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv
from jaxconv import functional as F


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.space = torch.nn.Conv3d(2, 4, (1, 3, 3), padding=(0, 1, 1))
        self.time = torch.nn.Conv3d(4, 4, (3, 1, 1), padding=(1, 0, 0))
        self.fc = torch.nn.Linear(4, 3)

    def forward(self, x):
        y = torch.relu(self.space(x))
        y = torch.relu(self.time(y))
        y = TF.avg_pool3d(y, (1, 2, 2))
        y = y.mean((3, 4))
        y = y[..., 1:] - y[..., :-1]
        y = y.mean(2)
        return self.fc(y)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.space = jaxconv.Conv3d(2, 4, (1, 3, 3), padding=(0, 1, 1), rngs=rngs)
        self.time = jaxconv.Conv3d(4, 4, (3, 1, 1), padding=(1, 0, 0), rngs=rngs)
        self.fc = jaxconv.Linear(4, 3, rngs=rngs)

    def __call__(self, x):
        y = jax.nn.relu(self.space(x))
        y = jax.nn.relu(self.time(y))
        y = F.avg_pool3d(y, (1, 2, 2))
        y = y.mean((3, 4))
        y = y[..., 1:] - y[..., :-1]
        y = y.mean(2)
        return self.fc(y)


SHAPES = ((2, 2, 4, 6, 4),)
FAULTS = [
    ("the difference backwards", "y[..., 1:] - y[..., :-1]", "y[..., :-1] - y[..., 1:]", "operands.swapped", ("y[..., 1:]",)),
    ("no activation between the factors", "y = jax.nn.relu(self.space(x))", "y = self.space(x)", "activation.missing", ("relu(self.space",)),
    ("pooled over time too", "F.avg_pool3d(y, (1, 2, 2))", "F.max_pool3d(y, (1, 2, 2))", "pool.kind", ("avg_pool3d",)),
]  # fmt: skip
