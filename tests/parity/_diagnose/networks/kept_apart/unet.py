"""A U-Net of two levels: down by max pooling, up by a transposed convolution, joined by concatenation."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.down = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.bottom = torch.nn.Conv2d(4, 6, 3, padding=1)
        self.up = torch.nn.ConvTranspose2d(6, 4, 2, stride=2)
        self.join = torch.nn.Conv2d(8, 5, 3, padding=1)
        self.head = torch.nn.Conv2d(5, 2, 1)

    def forward(self, x):
        skip = torch.relu(self.down(x))
        y = TF.max_pool2d(skip, 2)
        y = torch.relu(self.bottom(y))
        y = self.up(y)
        y = torch.cat([skip, y], 1)
        y = torch.relu(self.join(y))
        return self.head(y)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.down = nnx.Conv(3, 4, (3, 3), padding=1, rngs=rngs)
        self.bottom = nnx.Conv(4, 6, (3, 3), padding=1, rngs=rngs)
        self.up = nnx.ConvTranspose(6, 4, (2, 2), strides=(2, 2), padding="VALID", rngs=rngs)
        self.join = nnx.Conv(8, 5, (3, 3), padding=1, rngs=rngs)
        self.head = nnx.Conv(5, 2, (1, 1), rngs=rngs)

    def __call__(self, x):
        skip = jax.nn.relu(self.down(x))
        y = nnx.max_pool(skip, (2, 2), strides=(2, 2))
        y = jax.nn.relu(self.bottom(y))
        y = self.up(y)
        y = jnp.concatenate([skip, y], -1)
        y = jax.nn.relu(self.join(y))
        return self.head(y)


SHAPES = ((2, 3, 8, 6),)
FAULTS = [
    ("the upsampled half first", "[skip, y], -1", "[y, skip], -1", "concat.order", ("torch.cat",)),
    ("average pooling", "nnx.max_pool(", "nnx.avg_pool(", "pool.kind", ("max_pool2d",)),
    ("no activation at the bottom", "jax.nn.relu(self.bottom(y))", "self.bottom(y)", "activation.missing", ("relu(self.bottom",)),
    ("the skip before its activation", "skip = jax.nn.relu(self.down(x))\n        y = nnx.max_pool(skip,", "skip = self.down(x)\n        y = nnx.max_pool(jax.nn.relu(skip),", "activation.missing", ("relu(self.down", "torch.cat"), ("jnp.concatenate", "jax.nn.relu(skip)")),
]  # fmt: skip
