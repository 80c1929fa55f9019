"""Linear attention with a positive feature map."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q, self.k = torch.nn.Linear(5, 4), torch.nn.Linear(5, 4)
        self.v, self.o = torch.nn.Linear(5, 6), torch.nn.Linear(6, 5)

    def forward(self, x):
        q, k = TF.elu(self.q(x)) + 1, TF.elu(self.k(x)) + 1
        v = self.v(x)
        kv = torch.einsum("bnd,bne->bde", k, v)
        norm = torch.einsum("bnd,bd->bn", q, k.sum(1))
        y = torch.einsum("bnd,bde->bne", q, kv)
        y = y / norm[..., None]
        return self.o(y)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    q, k = jax.nn.elu(dense(p["q"], x)) + 1, jax.nn.elu(dense(p["k"], x)) + 1
    v = dense(p["v"], x)
    kv = jnp.einsum("bnd,bne->bde", k, v)
    norm = jnp.einsum("bnd,bd->bn", q, k.sum(1))
    y = jnp.einsum("bnd,bde->bne", q, kv)
    y = y / norm[..., None]
    return dense(p["o"], y)


SHAPES = ((2, 5, 5),)
FAULTS = [
    ("not normalised", "y = y / norm[..., None]", "y = y + 0 * norm[..., None]", "scale.missing", ("y / norm",)),
    ("relu for elu", "jax.nn.elu(dense(p[\"k\"], x))", "jax.nn.relu(dense(p[\"k\"], x))", "activation.other", ("TF.elu(self.k",)),
    ("the mean of the keys", "k.sum(1)", "k.mean(1)", "reduction.kind|factor.value", ("k.sum(1)",)),
    ("the sum over the batch's rows", "k.sum(1)", "k.sum(2)[:, :4]", "reduction.axis", ("k.sum(1)",)),
]  # fmt: skip
