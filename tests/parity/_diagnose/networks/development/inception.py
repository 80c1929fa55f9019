"""Inception: branches of several kinds, joined."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.b1 = torch.nn.Conv2d(3, 2, 1)
        self.b3a, self.b3b = torch.nn.Conv2d(3, 2, 1), torch.nn.Conv2d(2, 3, 3, padding=1)
        self.bp = torch.nn.Conv2d(3, 2, 1)

    def forward(self, x):
        a = torch.relu(self.b1(x))
        b = torch.relu(self.b3a(x))
        b = torch.relu(self.b3b(b))
        c = TF.avg_pool2d(x, 3, stride=1, padding=1)
        c = torch.tanh(self.bp(c))
        return torch.cat([a, b, c], 1)


def conv(p, x, pad=0):
    y = jax.lax.conv_general_dilated(x, p["weight"], (1, 1), ((pad, pad), (pad, pad)))
    return y + p["bias"][:, None, None]


def pool(x, size, init, function):
    return jax.lax.reduce_window(x, init, function, (1, 1, size, size), (1, 1, 1, 1), "SAME")


def ours(p, x):
    a = jax.nn.relu(conv(p["b1"], x))
    b = jax.nn.relu(conv(p["b3a"], x))
    b = jax.nn.relu(conv(p["b3b"], b, 1))
    c = pool(x, 3, 0.0, jax.lax.add) / 9
    c = jnp.tanh(conv(p["bp"], c))
    return jnp.concatenate([a, b, c], 1)


SHAPES = ((2, 3, 5, 6),)
FAULTS = [
    ("the maximum", "pool(x, 3, 0.0, jax.lax.add) / 9", "pool(x, 3, -jnp.inf, jax.lax.max)", "pool.kind", ("avg_pool2d",), ("reduce_window",)),
    ("the border is not counted", "pool(x, 3, 0.0, jax.lax.add) / 9", "pool(x, 3, 0.0, jax.lax.add) / pool(jnp.ones_like(x), 3, 0.0, jax.lax.add)", "pool.count_include_pad", ("avg_pool2d",), ("reduce_window",)),
    ("two branches exchanged", "[a, b, c], 1", "[a, c, b], 1", "concat.order", ("torch.cat",)),
    ("the pooled branch is left unpooled", "conv(p[\"bp\"], c)", "conv(p[\"bp\"], x + 0 * c)", "operation.missing|layer.skipped", ("avg_pool2d", "self.bp(c)")),
]  # fmt: skip
