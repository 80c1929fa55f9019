"""SRGAN's upsampling: residual blocks, PReLU, pixel shuffle."""

import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.slope = torch.nn.Parameter(torch.full((4,), 0.25))
        self.body = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.up = torch.nn.Conv2d(4, 16, 3, padding=1)
        self.tail = torch.nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, x):
        x = TF.prelu(self.head(x), self.slope)
        x = x + 0.1 * self.body(x)
        y = TF.pixel_shuffle(self.up(x), 2)
        y = self.tail(y)
        return torch.clamp(y, -0.5, 0.5)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.head = nnx.Conv(3, 4, (3, 3), padding=1, rngs=rngs)
        self.slope = nnx.Param(jnp.full((4,), 0.25, jnp.float32))
        self.body = nnx.Conv(4, 4, (3, 3), padding=1, rngs=rngs)
        self.up = nnx.Conv(4, 16, (3, 3), padding=1, rngs=rngs)
        self.tail = nnx.Conv(4, 3, (3, 3), padding=1, rngs=rngs)

    def __call__(self, x):
        x = self.head(x)
        x = jnp.where(x > 0, x, self.slope[...] * x)
        x = x + 0.1 * self.body(x)
        b, h, w, _ = x.shape
        y = self.up(x).reshape(b, h, w, 4, 2, 2)
        y = y.transpose(0, 1, 4, 2, 5, 3).reshape(b, 2 * h, 2 * w, 4)
        y = self.tail(y)
        return jnp.clip(y, -0.5, 0.5)


SHAPES = ((2, 3, 4, 5),)
FAULTS = [
    ("depth to space", "self.up(x).reshape(b, h, w, 4, 2, 2)\n        y = y.transpose(0, 1, 4, 2, 5, 3)", "self.up(x).reshape(b, h, w, 2, 2, 4)\n        y = y.transpose(0, 1, 3, 2, 4, 5)", "pixel_shuffle.order|reshape.order", ("pixel_shuffle", "self.tail(y)"), ("self.tail(y)", "y.transpose")),
    ("another residual scale", "x + 0.1 * self.body", "x + 0.2 * self.body", "factor.value", ("0.1 * self.body",)),
    ("other limits", "jnp.clip(y, -0.5, 0.5)", "jnp.clip(y, -1.0, 1.0)", "limits.value", ("torch.clamp",)),
    ("relu for prelu", "self.slope[...] * x)", "0 * self.slope[...] * x)", "activation.other|scale.missing", ("TF.prelu",)),
]  # fmt: skip
