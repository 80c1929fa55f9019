"""An affine coupling layer of a normalising flow, with its log determinant."""

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net1, self.net2 = torch.nn.Linear(3, 8), torch.nn.Linear(8, 6)
        self.shift = torch.nn.Parameter(torch.zeros(6))

    def forward(self, x):
        x = x + self.shift
        a, b = x[:, :3], x[:, 3:]
        h = torch.relu(self.net1(a))
        s, t = self.net2(h).chunk(2, 1)
        s = torch.tanh(s)
        b = b * torch.exp(s) + t
        y = torch.cat([b, a], 1)
        return y, s.sum(1)


def ours(p, x):
    x = x + p["shift"]
    a, b = x[:, :3], x[:, 3:]
    h = jax.nn.relu(a @ p["net1"]["weight"].T + p["net1"]["bias"])
    s, t = jnp.split(h @ p["net2"]["weight"].T + p["net2"]["bias"], 2, 1)
    s = jnp.tanh(s)
    b = b * jnp.exp(s) + t
    y = jnp.concatenate([b, a], 1)
    return y, s.sum(1)


SHAPES = ((5, 6),)
FAULTS = [
    ("the inverse", "b = b * jnp.exp(s) + t", "b = (b - t) * jnp.exp(-s)", None, ("b * torch.exp",)),
    ("the halves not exchanged", "[b, a], 1", "[a, b], 1", "concat.order", ("torch.cat",)),
    ("scale and shift exchanged", "s, t = jnp.split", "t, s = jnp.split", "split.order", ("s, t =", "torch.tanh(s)"), ("jnp.tanh(s)",)),
    ("no bound of the scale", "s = jnp.tanh(s)\n", "s = s + 0.0\n", "activation.missing", ("torch.tanh(s)",)),
]  # fmt: skip
