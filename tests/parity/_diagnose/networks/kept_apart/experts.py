"""A mixture of experts with a gate, all experts computed."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = torch.nn.Linear(5, 3)
        self.w1 = torch.nn.Parameter(torch.randn(3, 5, 7))
        self.w2 = torch.nn.Parameter(torch.randn(3, 7, 5))

    def forward(self, x):
        g = self.gate(x) / 1.5
        g = torch.softmax(g, -1)
        h = torch.einsum("bi,eij->ebj", x, self.w1)
        h = TF.silu(h)
        y = torch.einsum("ebj,ejo->ebo", h, self.w2)
        y = torch.einsum("be,ebo->bo", g, y)
        return y / y.norm(dim=1, keepdim=True)


def ours(p, x):
    g = (x @ p["gate"]["weight"].T + p["gate"]["bias"]) / 1.5
    g = jax.nn.softmax(g, -1)
    h = jnp.einsum("bi,eij->ebj", x, p["w1"])
    h = jax.nn.silu(h)
    y = jnp.einsum("ebj,ejo->ebo", h, p["w2"])
    y = jnp.einsum("be,ebo->bo", g, y)
    return y / jnp.linalg.norm(y, axis=1, keepdims=True)


SHAPES = ((3, 5),)
FAULTS = [
    ("the temperature left out", "p[\"gate\"][\"bias\"]) / 1.5", "p[\"gate\"][\"bias\"])", "scale.missing|factor.value", ("/ 1.5",)),
    ("gates over the batch", "jax.nn.softmax(g, -1)", "jax.nn.softmax(g, 0)", "softmax.axis", ("torch.softmax",)),
    ("gates of the wrong axis", "\"be,ebo->bo\"", "\"eb,ebo->bo\"", "reshape.order|operation.missing", ("be,ebo->bo",)),
    ("another norm", "jnp.linalg.norm(y, axis=1,", "jnp.linalg.norm(y, ord=1, axis=1,", "exponent.value|reduction.kind", ("y.norm(",)),
]  # fmt: skip
