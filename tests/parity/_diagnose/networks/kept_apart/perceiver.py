"""Latents that attend to the input, with a mask of what may be seen."""

import math

import jax
import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.latents = torch.nn.Parameter(torch.randn(4, 6))
        self.norm = torch.nn.LayerNorm(5)
        self.q, self.k, self.v = torch.nn.Linear(6, 8), torch.nn.Linear(5, 8), torch.nn.Linear(5, 8)
        self.out = torch.nn.Linear(8, 6)

    def forward(self, x):
        x = self.norm(x)
        q, k, v = self.q(self.latents), self.k(x), self.v(x)
        scores = torch.einsum("lc,bnc->bln", q, k) / math.sqrt(8)
        near = torch.arange(4)[:, None] >= torch.arange(6)[None] - 2
        scores = scores.masked_fill(~near, -1e9)
        w = scores.softmax(-1)
        y = torch.einsum("bln,bnc->blc", w, v)
        return self.latents + self.out(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        latents = self.param("latents", linen.initializers.ones, (4, 6), jnp.float32)
        x = linen.LayerNorm(epsilon=1e-5, name="norm")(x)
        q = linen.Dense(8, name="q")(latents)
        k, v = linen.Dense(8, name="k")(x), linen.Dense(8, name="v")(x)
        scores = jnp.einsum("lc,bnc->bln", q, k) / math.sqrt(8)
        near = jnp.arange(4)[:, None] >= jnp.arange(6)[None] - 2
        scores = jnp.where(near, scores, -1e9)
        w = jax.nn.softmax(scores, -1)
        y = jnp.einsum("bln,bnc->blc", w, v)
        return latents + linen.Dense(6, name="out")(y)


SHAPES = ((2, 6, 5),)
OPTIONS = {"layout": "NCHW"}
FAULTS = [
    ("a narrower mask", "jnp.arange(6)[None] - 2", "jnp.arange(6)[None] - 1", "mask.other", ("masked_fill", "near ="), ("jnp.where",)),
    ("the mask inverted", "jnp.where(near, scores, -1e9)", "jnp.where(near, -1e9, scores)", "mask.other", ("masked_fill",)),
    ("the mask left out", "        scores = jnp.where(near, scores, -1e9)\n", "", "mask.other|operation.missing", ("masked_fill", "scores.softmax"), ("softmax(scores",)),
    ("keys and values exchanged", "k, v = linen.Dense(8, name=\"k\")(x), linen.Dense(8, name=\"v\")(x)", "v, k = linen.Dense(8, name=\"k\")(x), linen.Dense(8, name=\"v\")(x)", "operands.swapped|layer.order", ("q, k, v =", "scores ="), ("scores = jnp.einsum",)),
]  # fmt: skip
