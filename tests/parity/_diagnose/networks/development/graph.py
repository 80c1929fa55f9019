"""A graph convolution with a normalised adjacency."""

import jax
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w, self.root = torch.nn.Linear(4, 5, bias=False), torch.nn.Linear(4, 5)
        self.out = torch.nn.Linear(5, 2)

    def forward(self, x, a):
        a = torch.sigmoid(a)
        degree = a.sum(1)
        d = degree.rsqrt()
        a = d[:, None] * a * d[None]
        y = a @ self.w(x) + self.root(x)
        y = TF.elu(y)
        return self.out(y).mean(0)


def dense(p, x):
    return x @ p["weight"].T + p.get("bias", 0)


def ours(p, x, a):
    a = jax.nn.sigmoid(a)
    degree = a.sum(1)
    d = jax.lax.rsqrt(degree)
    a = d[:, None] * a * d[None]
    y = a @ dense(p["w"], x) + dense(p["root"], x)
    y = jax.nn.elu(y)
    return dense(p["out"], y).mean(0)


SHAPES = ((6, 4), (6, 6))
FAULTS = [
    ("degrees of the columns", "a.sum(1)", "a.sum(0)", "reduction.axis", ("a.sum(1)",)),
    ("normalised on one side", "d[:, None] * a * d[None]", "d[:, None] * a", "scale.missing", ("d[:, None] * a",)),
    ("the edges the other way", "a @ dense(p[\"w\"], x)", "a.T @ dense(p[\"w\"], x)", "reshape.order|operation.additional|operands.swapped", ("a @ self.w",)),
    ("the reciprocal for its root", "jax.lax.rsqrt(degree)", "1 / degree", "operation.other|exponent.value", ("degree.rsqrt()",)),
]  # fmt: skip
