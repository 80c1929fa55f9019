"""NetVLAD: soft assignment, residuals to the centres, two normalisations."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.assign = torch.nn.Conv1d(5, 3, 1)
        self.centres = torch.nn.Parameter(torch.randn(3, 5))

    def forward(self, x):
        x = TF.normalize(x, dim=1)
        a = torch.softmax(self.assign(x), 1)
        r = x[:, None] - self.centres[:, :, None]
        v = (r * a[:, :, None]).sum(-1)
        v = TF.normalize(v, dim=2)
        v = v.flatten(1)
        return TF.normalize(v, dim=1)


def normalize(x, axis):
    return x / jnp.maximum(jnp.linalg.norm(x, axis=axis, keepdims=True), 1e-12)


def ours(p, x):
    x = normalize(x, 1)
    a = jnp.einsum("kc,bct->bkt", p["assign"]["weight"][..., 0], x) + p["assign"]["bias"][:, None]
    a = jax.nn.softmax(a, 1)
    r = x[:, None] - p["centres"][:, :, None]
    v = (r * a[:, :, None]).sum(-1)
    v = normalize(v, 2)
    v = v.reshape(len(v), -1)
    return normalize(v, 1)


SHAPES = ((2, 5, 7),)
FAULTS = [
    ("softmax over time", "jax.nn.softmax(a, 1)", "jax.nn.softmax(a, 2)", "softmax.axis", ("torch.softmax",)),
    ("the centres minus the points", "x[:, None] - p[\"centres\"][:, :, None]", "p[\"centres\"][:, :, None] - x[:, None]", "operands.swapped", ("x[:, None] -",)),
    ("normalised over clusters", "v = normalize(v, 2)", "v = normalize(v, 1)", "reduction.axis", ("TF.normalize(v, dim=2)",), ("return x / jnp",)),
    ("not flattened in order", "v = v.reshape(len(v), -1)", "v = v.swapaxes(1, 2).reshape(len(v), -1)", "reshape.order|flatten.order", ("v.flatten(1)", "TF.normalize(v, dim=1)"), ("return normalize(v, 1)",)),
]  # fmt: skip
