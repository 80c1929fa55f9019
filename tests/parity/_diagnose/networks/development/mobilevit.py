"""Attention among pixels of the same place in their patches."""

import jax
import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.local = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.qkv = torch.nn.Linear(4, 12)
        self.fuse = torch.nn.Conv2d(8, 3, 1)

    def forward(self, x):
        x = self.local(x)
        b, c, h, w = x.shape
        y = x.reshape(b, c, h // 2, 2, w // 2, 2)
        y = y.permute(0, 3, 5, 2, 4, 1).reshape(b * 4, -1, c)
        q, k, v = self.qkv(y).chunk(3, -1)
        y = torch.softmax(q @ k.transpose(1, 2) / 2, -1) @ v
        y = y.reshape(b, 2, 2, h // 2, w // 2, c)
        y = y.permute(0, 5, 3, 1, 4, 2).reshape(b, c, h, w)
        y = torch.cat([x, y], 1)
        return self.fuse(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(4, (3, 3), padding=1, name="local")(x)
        b, h, w, c = x.shape
        y = x.reshape(b, h // 2, 2, w // 2, 2, c)
        y = y.transpose(0, 2, 4, 1, 3, 5).reshape(b * 4, -1, c)
        q, k, v = jnp.split(linen.Dense(12, name="qkv")(y), 3, -1)
        y = jax.nn.softmax(q @ k.swapaxes(1, 2) / 2, -1) @ v
        y = y.reshape(b, 2, 2, h // 2, w // 2, c)
        y = y.transpose(0, 3, 1, 4, 2, 5).reshape(b, h, w, c)
        y = jnp.concatenate([x, y], -1)
        return linen.Conv(3, (1, 1), name="fuse")(y)


SHAPES = ((2, 3, 4, 6),)
FAULTS = [
    ("pixels of a patch together", "y.transpose(0, 2, 4, 1, 3, 5)", "y.transpose(0, 1, 3, 2, 4, 5)", "reshape.order", ("y.permute(0, 3", "self.qkv(y)"), ("name=\"qkv\"",)),
    ("folded in another order", "y.transpose(0, 3, 1, 4, 2, 5)", "y.transpose(0, 1, 3, 2, 4, 5)", "reshape.order", ("y.permute(0, 5", "torch.cat"), ("jnp.concatenate",)),
    ("queries and keys exchanged", "q, k, v = jnp.split", "k, q, v = jnp.split", "split.order|operands.swapped", ("q, k, v =", "torch.softmax"), ("jax.nn.softmax",)),
    ("the new maps first", "[x, y], -1", "[y, x], -1", "concat.order", ("torch.cat",)),
]  # fmt: skip
