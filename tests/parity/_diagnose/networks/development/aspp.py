"""DeepLab's pyramid of dilations, with the image's mean."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Conv2d(3, 2, 1)
        self.b = torch.nn.Conv2d(3, 2, 3, padding=2, dilation=2)
        self.p = torch.nn.Conv2d(3, 2, 1)
        self.out = torch.nn.Conv2d(6, 4, 1)

    def forward(self, x):
        a, b = self.a(x), self.b(x)
        p = self.p(x.mean((2, 3), keepdim=True))
        p = p.expand(-1, -1, *x.shape[2:])
        y = torch.relu(torch.cat([a, b, p], 1))
        y = self.out(y)
        return TF.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.a = nnx.Conv(3, 2, (1, 1), rngs=rngs)
        self.b = nnx.Conv(3, 2, (3, 3), padding=2, kernel_dilation=2, rngs=rngs)
        self.p = nnx.Conv(3, 2, (1, 1), rngs=rngs)
        self.out = nnx.Conv(6, 4, (1, 1), rngs=rngs)

    def __call__(self, x):
        a, b = self.a(x), self.b(x)
        p = self.p(x.mean((1, 2), keepdims=True))
        p = jnp.broadcast_to(p, a.shape)
        y = jax.nn.relu(jnp.concatenate([a, b, p], -1))
        y = self.out(y)
        n, h, w, c = y.shape
        return jax.image.resize(y, (n, 2 * h, 2 * w, c), "bilinear")


SHAPES = ((2, 3, 6, 5),)
FAULTS = [
    ("no dilation", "padding=2, kernel_dilation=2", "padding=1", "dilation.dropped|dilation.value", ("self.b =", "self.a(x), self.b(x)"), ("self.a(x), self.b(x)",)),
    ("nearest for bilinear", "c), \"bilinear\")", "c), \"nearest\")", "resize.mode", ("TF.interpolate",)),
    ("the pooled branch first", "[a, b, p]", "[p, a, b]", "concat.order", ("torch.cat",)),
    ("the activation missing", "jax.nn.relu(jnp.concatenate([a, b, p], -1))", "jnp.concatenate([a, b, p], -1)", "activation.missing", ("torch.cat",)),
]  # fmt: skip
