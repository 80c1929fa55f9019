"""Bilinear pooling with signed roots."""

import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = torch.nn.Conv2d(3, 4, 1), torch.nn.Conv2d(3, 5, 1)
        self.fc = torch.nn.Linear(20, 3)

    def forward(self, x):
        a, b = self.a(x).flatten(2), self.b(x).flatten(2)
        y = torch.einsum("bip,bjp->bij", a, b) / a.shape[2]
        y = y.flatten(1)
        y = torch.sign(y) * torch.sqrt(y.abs() + 1e-3)
        y = TF.normalize(y, dim=1)
        return self.fc(y)


def conv(p, x):
    return jnp.einsum("oi,bihw->bohw", p["weight"][..., 0, 0], x) + p["bias"][:, None, None]


def ours(p, x):
    flat = lambda y: y.reshape(*y.shape[:2], -1)
    a, b = flat(conv(p["a"], x)), flat(conv(p["b"], x))
    y = jnp.einsum("bip,bjp->bij", a, b) / a.shape[2]
    y = y.reshape(len(y), -1)
    y = jnp.sign(y) * jnp.sqrt(jnp.abs(y) + 1e-3)
    y = y / jnp.maximum(jnp.linalg.norm(y, axis=1, keepdims=True), 1e-12)
    return y @ p["fc"]["weight"].T + p["fc"]["bias"]


SHAPES = ((2, 3, 3, 4),)
FAULTS = [
    ("the sum over places", " / a.shape[2]", "", "scale.missing|factor.value", ("torch.einsum",)),
    ("the outer product the other way", "\"bip,bjp->bij\", a, b", "\"bip,bjp->bji\", a, b", "operands.swapped|reshape.order", ("torch.einsum", "y.flatten(1)", "torch.sign"), ("jnp.sign",)),
    ("no sign", "jnp.sign(y) * jnp.sqrt", "jnp.sqrt", "scale.missing", ("torch.sign(y)",)),
    ("another constant under the root", "jnp.abs(y) + 1e-3", "jnp.abs(y) + 1e-2", "offset.value", ("y.abs() + 1e-3",)),
]  # fmt: skip
