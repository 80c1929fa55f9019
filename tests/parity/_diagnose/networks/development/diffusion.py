"""A diffusion model's block with an embedding of time."""

import math

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.Conv2d(4, 3, 3, padding=1)
        self.norm = torch.nn.GroupNorm(2, 4, eps=1e-6)
        self.time = torch.nn.Linear(6, 4)

    def forward(self, x, t):
        freqs = torch.exp(-math.log(1000) * torch.arange(3) / 3)
        args = t[:, None] * freqs
        e = torch.cat([torch.cos(args), torch.sin(args)], -1)
        e = self.time(TF.silu(e))
        y = TF.silu(self.norm(self.conv1(x)))
        y = y + e[:, :, None, None]
        y = self.conv2(y)
        return (x + y) / math.sqrt(2)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x, t):
        freqs = jnp.exp(-math.log(1000) * jnp.arange(3) / 3).astype(x.dtype)
        args = t[:, None] * freqs
        e = jnp.concatenate([jnp.cos(args), jnp.sin(args)], -1)
        e = linen.Dense(4, name="time")(linen.silu(e))
        y = linen.Conv(4, (3, 3), padding=1, name="conv1")(x)
        y = linen.silu(linen.GroupNorm(num_groups=2, epsilon=1e-6, name="norm")(y))
        y = y + e[:, None, None]
        y = linen.Conv(3, (3, 3), padding=1, name="conv2")(y)
        return (x + y) / math.sqrt(2)


SHAPES = ((2, 3, 4, 6), (2,))
FAULTS = [
    ("sines first", "[jnp.cos(args), jnp.sin(args)]", "[jnp.sin(args), jnp.cos(args)]", "concat.order", ("torch.cat",)),
    ("the last frequency is the lowest", "jnp.arange(3) / 3)", "jnp.arange(3) / 2)", "factor.value|operand.other", ("args =", "freqs ="), ("args =",)),
    ("the sum is not scaled", "(x + y) / math.sqrt(2)", "x + y", "scale.missing", ("(x + y) /",)),
    ("no activation of the embedding", "(linen.silu(e))", "(e)", "activation.missing", ("TF.silu(e)",)),
    ("time added before the norm", "epsilon=1e-6, name=\"norm\")(y))\n        y = y + e[:, None, None]", "epsilon=1e-6, name=\"norm\")(y + e[:, None, None]))", None, ("self.norm(", "y = y + e"), ("name=\"conv1\"",)),
]  # fmt: skip
