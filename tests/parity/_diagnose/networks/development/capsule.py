"""Capsules: votes, routing weights, squashing."""

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.randn(4, 3, 5, 6))

    def squash(self, s):
        n = (s**2).sum(-1, keepdim=True)
        return n / (1 + n) * s / torch.sqrt(n + 1e-4)

    def forward(self, x):
        votes = torch.einsum("bid,ijde->bije", x, self.w)
        b = torch.zeros(votes.shape[:3])
        v = self.squash(votes.mean(1))
        b = b + (votes * v[:, None]).sum(-1)
        c = torch.softmax(b, 2)
        s = (c[..., None] * votes).sum(1)
        return self.squash(s)


def squash(s):
    n = (s**2).sum(-1, keepdims=True)
    return n / (1 + n) * s / jnp.sqrt(n + 1e-4)


def ours(p, x):
    votes = jnp.einsum("bid,ijde->bije", x, p["w"])
    b = jnp.zeros(votes.shape[:3], x.dtype)
    v = squash(votes.mean(1))
    b = b + (votes * v[:, None]).sum(-1)
    c = jax.nn.softmax(b, 2)
    s = (c[..., None] * votes).sum(1)
    return squash(s)


SHAPES = ((2, 4, 5),)
FAULTS = [
    ("routed over the inputs", "jax.nn.softmax(b, 2)", "jax.nn.softmax(b, 1)", "softmax.axis", ("torch.softmax",)),
    ("squashed by its norm only", "n / (1 + n) * s / jnp.sqrt(n + 1e-4)", "s / jnp.sqrt(n + 1e-4)", "scale.missing", ("return n /",)),
    ("one half in the squash", "(1 + n)", "(0.5 + n)", "offset.value", ("return n /",)),
    ("summed over capsules", "(c[..., None] * votes).sum(1)", "(c[..., None] * votes).mean(1)", "reduction.kind|factor.value", ("s = (c",)),
]  # fmt: skip
