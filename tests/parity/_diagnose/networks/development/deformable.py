"""A convolution that gathers at offsets it has learned."""

import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.offset = torch.nn.Linear(3, 2)
        self.value = torch.nn.Linear(3, 4)

    def forward(self, x):
        n = x.shape[1]
        at = torch.arange(n)[:, None] + 2 * torch.tanh(self.offset(x))
        at = at.clamp(0, n - 1)
        low = at.floor()
        part = at - low
        v = self.value(x)
        i = low.long()
        a = torch.gather(v, 1, i[..., :1].expand(-1, -1, 4))
        b = torch.gather(v, 1, (i[..., :1] + 1).clamp(max=n - 1).expand(-1, -1, 4))
        return a * (1 - part[..., :1]) + b * part[..., :1]


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    n = x.shape[1]
    at = jnp.arange(n, dtype=x.dtype)[:, None] + 2 * jnp.tanh(dense(p["offset"], x))
    at = jnp.clip(at, 0, n - 1)
    low = jnp.floor(at)
    part = at - low
    v = dense(p["value"], x)
    i = low.astype(int)
    a = jnp.take_along_axis(v, i[..., :1], 1)
    b = jnp.take_along_axis(v, jnp.minimum(i[..., :1] + 1, n - 1), 1)
    return a * (1 - part[..., :1]) + b * part[..., :1]


SHAPES = ((2, 6, 3),)
FAULTS = [
    ("the other weights", "a * (1 - part[..., :1]) + b * part[..., :1]", "a * part[..., :1] + b * (1 - part[..., :1])", "operands.swapped", ("a * (1 - part",)),
    ("the offsets are not bounded", "2 * jnp.tanh(dense(p[\"offset\"], x))", "2 * dense(p[\"offset\"], x)", "activation.missing", ("torch.tanh",)),
    ("the other offset", "part[..., :1]) + b * part[..., :1]", "part[..., 1:]) + b * part[..., 1:]", "slice.other", ("a * (1 - part",)),
    ("the next element twice", "i[..., :1] + 1, n - 1)", "i[..., :1] + 2, n - 1)", "offset.value", ("b = torch.gather",)),
]  # fmt: skip
