"""Attention with biases that grow with the distance."""

import math

import jax
import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(6)
        self.qkv, self.out = torch.nn.Linear(6, 18), torch.nn.Linear(6, 6)

    def forward(self, x):
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        s = q @ k.transpose(1, 2) / math.sqrt(6)
        i = torch.arange(x.shape[1])
        s = s - 0.25 * (i[:, None] - i[None]).abs()
        y = s.softmax(-1) @ v
        return x + self.out(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        y = linen.LayerNorm(epsilon=1e-5, name="norm")(x)
        q, k, v = jnp.split(linen.Dense(18, name="qkv")(y), 3, -1)
        s = q @ k.swapaxes(1, 2) / math.sqrt(6)
        i = jnp.arange(x.shape[1])
        s = s - 0.25 * jnp.abs(i[:, None] - i[None])
        y = jax.nn.softmax(s, -1) @ v
        return x + linen.Dense(6, name="out")(y)


SHAPES = ((2, 5, 6),)
OPTIONS = {"layout": "NCHW"}
FAULTS = [
    ("a bonus for distance", "s = s - 0.25", "s = s + 0.25", "operation.other|factor.value", ("s - 0.25",)),
    ("another slope", "0.25 * jnp.abs", "0.5 * jnp.abs", "factor.value|operand.other", ("s - 0.25",)),
    ("the sum without x", "return x + linen", "return linen", "residual.missing", ("x + self.out",)),
    ("Flax's epsilon", "epsilon=1e-5", "epsilon=1e-6", "norm.epsilon", ("self.norm(x)", "self.norm =")),
]  # fmt: skip
