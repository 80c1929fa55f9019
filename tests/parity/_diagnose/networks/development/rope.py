"""A language model's attention: rotary positions, causal mask, RMS norm, SwiGLU."""

import math

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale1, self.scale2 = torch.nn.Parameter(torch.ones(8)), torch.nn.Parameter(torch.ones(8))
        self.wq, self.wk = torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
        self.wv, self.wo = torch.nn.Linear(8, 8, bias=False), torch.nn.Linear(8, 8, bias=False)
        self.w1, self.w3 = torch.nn.Linear(8, 10, bias=False), torch.nn.Linear(8, 10, bias=False)
        self.w2 = torch.nn.Linear(10, 8, bias=False)

    def rms(self, x, scale):
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return x * scale

    def rotate(self, x):
        angle = torch.arange(x.shape[1])[:, None] / 100 ** (torch.arange(4) / 4)
        a, b = x.chunk(2, -1)
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def forward(self, x):
        y = self.rms(x, self.scale1)
        q, k, v = self.rotate(self.wq(y)), self.rotate(self.wk(y)), self.wv(y)
        s = q @ k.transpose(1, 2) / math.sqrt(8)
        mask = torch.tril(torch.ones(5, 5)) == 0
        s = s.masked_fill(mask, float("-inf"))
        x = x + self.wo(torch.softmax(s, -1) @ v)
        y = self.rms(x, self.scale2)
        return x + self.w2(TF.silu(self.w1(y)) * self.w3(y))


def rms(x, scale):
    x = x * jax.lax.rsqrt(jnp.square(x).mean(-1, keepdims=True) + 1e-6)
    return x * scale


def rotate(x):
    angle = jnp.arange(x.shape[1])[:, None] / 100 ** (jnp.arange(4, dtype=x.dtype) / 4)
    a, b = jnp.split(x, 2, -1)
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


def ours(p, x):
    dot = lambda name, x: x @ p[name]["weight"].T
    y = rms(x, p["scale1"])
    q, k, v = rotate(dot("wq", y)), rotate(dot("wk", y)), dot("wv", y)
    s = q @ k.swapaxes(1, 2) / math.sqrt(8)
    mask = jnp.tril(jnp.ones((5, 5), bool))
    s = jnp.where(mask, s, -jnp.inf)
    x = x + dot("wo", jax.nn.softmax(s, -1) @ v)
    y = rms(x, p["scale2"])
    return x + dot("w2", jax.nn.silu(dot("w1", y)) * dot("w3", y))


SHAPES = ((2, 5, 8),)
FAULTS = [
    ("rotated the other way", "[a * cos - b * sin, b * cos + a * sin]", "[a * cos + b * sin, b * cos - a * sin]", "operation.other", ("torch.cat",)),
    ("another base", "/ 100 ** (", "/ 10 ** (", "operand.other|exponent.value", ("angle =", "cos, sin =", "torch.cat"), ("jnp.concatenate", "cos, sin =")),
    ("the upper triangle", "jnp.tril(", "jnp.triu(", "mask.other", ("masked_fill", "mask ="), ("jnp.where",)),
    ("the values rotated as well", "dot(\"wv\", y)", "rotate(dot(\"wv\", y))", "operation.additional", ("q, k, v =", "@ v"), ("@ v", "jnp.concatenate")),
    ("the gate of the other half", "jax.nn.silu(dot(\"w1\", y)) * dot(\"w3\", y)", "dot(\"w1\", y) * jax.nn.silu(dot(\"w3\", y))", "operation.order|operands.swapped", ("self.w2(",)),
    ("the norm of the block's input", "y = rms(x, p[\"scale2\"])", "y = rms(y, p[\"scale2\"])", "operand.other", ("self.rms(x, self.scale2)", "x * torch.rsqrt"), ("x * jax.lax.rsqrt",)),
]  # fmt: skip
