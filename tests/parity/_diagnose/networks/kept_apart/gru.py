"""A GRU cell of one's own over token ids."""

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(11, 5)
        self.wx, self.wh = torch.nn.Linear(5, 12), torch.nn.Linear(4, 12)
        self.out = torch.nn.Linear(4, 3)

    def forward(self, tokens):
        x = self.emb(tokens)
        h = x.new_zeros(len(x), 4)
        for t in range(x.shape[1]):
            rx, zx, nx = self.wx(x[:, t]).chunk(3, 1)
            rh, zh, nh = self.wh(h).chunk(3, 1)
            r, z = torch.sigmoid(rx + rh), torch.sigmoid(zx + zh)
            n = torch.tanh(nx + r * nh)
            h = (1 - z) * n + z * h
        return self.out(h)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, tokens):
    x = p["emb"]["weight"][tokens]
    h = jnp.zeros((len(x), 4), x.dtype)
    for t in range(x.shape[1]):
        rx, zx, nx = jnp.split(dense(p["wx"], x[:, t]), 3, 1)
        rh, zh, nh = jnp.split(dense(p["wh"], h), 3, 1)
        r, z = jax.nn.sigmoid(rx + rh), jax.nn.sigmoid(zx + zh)
        n = jnp.tanh(nx + r * nh)
        h = (1 - z) * n + z * h
    return dense(p["out"], h)


SHAPES = ()
TOKENS = (11, (3, 4))
FAULTS = [
    ("the update gate the other way", "h = (1 - z) * n + z * h", "h = z * n + (1 - z) * h", "operands.swapped", ("h = (1 - z)",)),
    ("the reset gate before the product", "jnp.tanh(nx + r * nh)", "jnp.tanh(r * (nx + nh))", "operation.order", ("torch.tanh(nx",)),
    ("the gates in another order", "rh, zh, nh = jnp", "zh, rh, nh = jnp", "split.order", ("rh, zh, nh", "torch.sigmoid(rx + rh)"), ("jax.nn.sigmoid(rx + rh)",)),
]  # fmt: skip
