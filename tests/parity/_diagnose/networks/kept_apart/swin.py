"""Attention in shifted windows with a table of relative positions."""

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.qkv, self.proj = torch.nn.Linear(3, 8), torch.nn.Linear(8, 24), torch.nn.Linear(8, 8)
        self.table = torch.nn.Parameter(torch.randn(2, 4, 4))

    def forward(self, x):
        x = self.embed(x)
        b, h, w, c = x.shape
        y = torch.roll(x, (-1, -1), (1, 2))
        y = y.reshape(b, h // 2, 2, w // 2, 2, c)
        y = y.permute(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
        q, k, v = self.qkv(y).reshape(-1, 4, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / 2
        scores = scores + self.table
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 4, c)
        y = y.reshape(b, h // 2, w // 2, 2, 2, c)
        y = y.permute(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
        y = torch.roll(y, (1, 1), (1, 2))
        return x + self.proj(y)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    x = dense(p["embed"], x)
    b, h, w, c = x.shape
    y = jnp.roll(x, (-1, -1), (1, 2))
    y = y.reshape(b, h // 2, 2, w // 2, 2, c)
    y = y.transpose(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)
    q, k, v = dense(p["qkv"], y).reshape(-1, 4, 3, 2, 4).transpose(2, 0, 3, 1, 4)
    scores = q @ k.swapaxes(-2, -1) / 2
    scores = scores + p["table"]
    y = (jax.nn.softmax(scores, -1) @ v).swapaxes(1, 2).reshape(-1, 4, c)
    y = y.reshape(b, h // 2, w // 2, 2, 2, c)
    y = y.transpose(0, 1, 3, 2, 4, 5).reshape(b, h, w, c)
    y = jnp.roll(y, (1, 1), (1, 2))
    return x + dense(p["proj"], y)


SHAPES = ((2, 4, 6, 3),)
FAULTS = [
    ("not shifted back", "    y = jnp.roll(y, (1, 1), (1, 2))\n", "", "operation.missing", ("roll(y", "self.proj")),
    ("shifted the other way", "jnp.roll(x, (-1, -1)", "jnp.roll(x, (1, 1)", "shift.value", ("roll(x", "y.permute(0, 1, 3, 2, 4, 5).reshape(-1", "self.qkv(y)"), ("dense(p[\"qkv\"]",)),
    ("windows not transposed", "y.transpose(0, 1, 3, 2, 4, 5).reshape(-1, 4, c)", "y.reshape(-1, 4, c)", "reshape.order", ("reshape(-1, 4, c)", "self.qkv(y)"), ("dense(p[\"qkv\"]",)),
    ("positions left out", "    scores = scores + p[\"table\"]\n", "", "residual.missing", ("scores + self.table",)),
]  # fmt: skip
