"""A discriminator with the deviation over the batch as one more channel."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 4, stride=2, padding=1)
        self.conv2 = torch.nn.Conv2d(5, 4, 3, padding=1)
        self.fc = torch.nn.Linear(4 * 4 * 3, 1)

    def forward(self, x):
        y = TF.leaky_relu(self.conv1(x), 0.2)
        std = y.std(0, unbiased=False).mean()
        y = torch.cat([y, std.expand(len(y), 1, 4, 3)], 1)
        y = TF.leaky_relu(self.conv2(y), 0.2)
        y = y.flatten(1)
        return self.fc(y)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.conv1 = jaxconv.Conv2d(3, 4, 4, stride=2, padding=1, rngs=rngs)
        self.conv2 = jaxconv.Conv2d(5, 4, 3, padding=1, rngs=rngs)
        self.fc = jaxconv.Linear(48, 1, rngs=rngs)

    def __call__(self, x):
        y = jax.nn.leaky_relu(self.conv1(x), 0.2)
        std = y.std(0).mean()
        y = jnp.concatenate([y, jnp.broadcast_to(std, (len(y), 1, 4, 3))], 1)
        y = jax.nn.leaky_relu(self.conv2(y), 0.2)
        y = y.reshape(len(y), -1)
        return self.fc(y)


SHAPES = ((4, 3, 8, 6),)
FAULTS = [
    ("the deviation of the sample", "y.std(0)", "y.std(0, ddof=1)", "variance.correction", ("std = y.std",)),
    ("the deviation over channels", "y.std(0)", "y.std(1)", "reduction.axis", ("std = y.std",)),
    ("flattened channels last", "y = y.reshape(len(y), -1)", "y = y.transpose(0, 2, 3, 1).reshape(len(y), -1)", "flatten.order|reshape.order", ("y.flatten(1)", "self.fc(y)"), ("self.fc(y)",)),
    ("the slope of the second", "self.conv2(y), 0.2", "self.conv2(y), 0.1", "leaky_relu.slope", ("self.conv2(y)",)),
]  # fmt: skip
