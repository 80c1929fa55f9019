"""Attention with fewer heads of keys than of queries."""

import math

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.kv, self.o = torch.nn.Linear(8, 8), torch.nn.Linear(8, 8), torch.nn.Linear(8, 8)

    def forward(self, x):
        b, n, c = x.shape
        q = self.q(x).view(b, n, 4, 2).transpose(1, 2)
        k, v = self.kv(x).view(b, n, 2, 2, 2).permute(2, 0, 3, 1, 4)
        k = k.repeat_interleave(2, 1)
        v = v.repeat_interleave(2, 1)
        y = TF.scaled_dot_product_attention(q, k, v)
        y = y.transpose(1, 2).reshape(b, n, c)
        return self.o(y)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    b, n, c = x.shape
    q = dense(p["q"], x).reshape(b, n, 4, 2).swapaxes(1, 2)
    k, v = dense(p["kv"], x).reshape(b, n, 2, 2, 2).transpose(2, 0, 3, 1, 4)
    k = jnp.repeat(k, 2, 1)
    v = jnp.repeat(v, 2, 1)
    s = q @ k.swapaxes(2, 3) / math.sqrt(2)
    y = jax.nn.softmax(s, -1) @ v
    y = y.swapaxes(1, 2).reshape(b, n, c)
    return dense(p["o"], y)


SHAPES = ((2, 5, 8),)
FAULTS = [
    ("keys tiled, not repeated", "k = jnp.repeat(k, 2, 1)", "k = jnp.tile(k, (1, 2, 1, 1))", "reshape.order", ("k = k.repeat_interleave", "scaled_dot"), ("s = q @",)),
    ("the scale left out", " / math.sqrt(2)", "", "scale.missing|factor.value", ("scaled_dot",)),
    ("heads not merged", "y = y.swapaxes(1, 2).reshape(b, n, c)", "y = y.reshape(b, n, c)", "reshape.order", ("y.transpose(1, 2)", "self.o(y)"), ("dense(p[\"o\"]",)),
    ("keys and values exchanged", "k, v = dense", "v, k = dense", "split.order|operands.swapped", ("k, v =", "scaled_dot", "k = k.repeat"), ("k = jnp.repeat", "s = q @")),
]  # fmt: skip
