"""Masked convolutions: no pixel sees itself or what comes after it."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(6, 2, 3, 3))
        self.out = torch.nn.Conv2d(3, 2, 1)

    def forward(self, x):
        mask = torch.ones(3, 3)
        mask[1, 1:] = 0
        mask[2] = 0
        w = self.weight * mask
        y = TF.conv2d(x, w, padding=1)
        a, b = y.chunk(2, 1)
        y = torch.tanh(a) * torch.sigmoid(b)
        return self.out(y)


def ours(p, x):
    mask = jnp.ones((3, 3), x.dtype)
    mask = mask.at[1, 1:].set(0)
    mask = mask.at[2].set(0)
    w = p["weight"] * mask
    y = jax.lax.conv_general_dilated(x, w, (1, 1), ((1, 1), (1, 1)))
    a, b = jnp.split(y, 2, 1)
    y = jnp.tanh(a) * jax.nn.sigmoid(b)
    y = jnp.einsum("oi,bihw->bohw", p["out"]["weight"][..., 0, 0], y)
    return y + p["out"]["bias"][:, None, None]


SHAPES = ((2, 2, 5, 4),)
FAULTS = [
    ("a pixel sees itself", "mask.at[1, 1:]", "mask.at[1, 2:]", "mask.other|operand.other", ("self.weight * mask", "mask[1"), ("w = p",)),
    ("the mask left out", "w = p[\"weight\"] * mask", "w = p[\"weight\"]", "scale.missing", ("self.weight * mask",)),
    ("sigmoid of both", "jnp.tanh(a)", "jax.nn.sigmoid(a)", "activation.other", ("torch.tanh(a)",)),
]  # fmt: skip
