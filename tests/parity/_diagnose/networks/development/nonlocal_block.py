"""A non-local block: every place attends to every other."""

import jax
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.theta, self.phi = torch.nn.Conv2d(4, 3, 1), torch.nn.Conv2d(4, 3, 1)
        self.g, self.out = torch.nn.Conv2d(4, 3, 1), torch.nn.Conv2d(3, 4, 1)

    def forward(self, x):
        b, _c, h, w = x.shape
        q = self.theta(x).flatten(2).transpose(1, 2)
        k = self.phi(x).flatten(2)
        v = self.g(x).flatten(2).transpose(1, 2)
        attn = q @ k
        attn = torch.softmax(attn, -1)
        y = attn @ v
        y = y.transpose(1, 2).reshape(b, 3, h, w)
        return x + self.out(y)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.theta, self.phi = nnx.Conv(4, 3, (1, 1), rngs=rngs), nnx.Conv(4, 3, (1, 1), rngs=rngs)
        self.g, self.out = nnx.Conv(4, 3, (1, 1), rngs=rngs), nnx.Conv(3, 4, (1, 1), rngs=rngs)

    def __call__(self, x):
        b, h, w, _c = x.shape
        q = self.theta(x).reshape(b, h * w, 3)
        k = self.phi(x).reshape(b, h * w, 3).swapaxes(1, 2)
        v = self.g(x).reshape(b, h * w, 3)
        attn = q @ k
        attn = jax.nn.softmax(attn, -1)
        y = attn @ v
        y = y.reshape(b, h, w, 3)
        return x + self.out(y)


SHAPES = ((2, 4, 4, 3),)
FAULTS = [
    ("softmax over the queries", "jax.nn.softmax(attn, -1)", "jax.nn.softmax(attn, 1)", "softmax.axis", ("torch.softmax",)),
    ("divided by the number of places", "attn = q @ k\n", "attn = q @ k / (h * w)\n", "factor.value", ("attn = q @ k", "torch.softmax")),
    ("rows and columns exchanged", "y = y.reshape(b, h, w, 3)", "y = y.reshape(b, w, h, 3).swapaxes(1, 2)", "reshape.order", ("y.transpose(1, 2)", "self.out(y)"), ("self.out(y)",)),
    ("queries and keys exchanged", "q = self.theta(x).reshape(b, h * w, 3)\n        k = self.phi(x)", "q = self.phi(x).reshape(b, h * w, 3)\n        k = self.theta(x)", "operands.swapped|layer.order", ("q = self.theta", "attn = q @ k"), ("attn = q @ k",)),
]  # fmt: skip
