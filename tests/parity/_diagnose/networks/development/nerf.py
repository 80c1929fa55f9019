"""A radiance field: positions in sines and cosines, a skip."""

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = torch.nn.Linear(15, 8), torch.nn.Linear(23, 8), torch.nn.Linear(8, 4)

    def forward(self, x):
        scaled = x[..., None, :] * (2.0 ** torch.arange(2))[:, None]
        p = torch.cat([x, torch.sin(scaled).flatten(1), torch.cos(scaled).flatten(1)], -1)
        y = torch.relu(self.a(p))
        y = torch.relu(self.b(torch.cat([p, y], -1)))
        y = self.c(y)
        rgb = torch.sigmoid(y[:, :3])
        density = TF.softplus(y[:, 3])
        return rgb, 1 - torch.exp(-0.1 * density)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        scaled = x[..., None, :] * (2.0 ** jnp.arange(2))[:, None].astype(x.dtype)
        p = jnp.concatenate([x, jnp.sin(scaled).reshape(len(x), -1), jnp.cos(scaled).reshape(len(x), -1)], -1)
        y = linen.relu(linen.Dense(8, name="a")(p))
        y = linen.relu(linen.Dense(8, name="b")(jnp.concatenate([p, y], -1)))
        y = linen.Dense(4, name="c")(y)
        rgb = linen.sigmoid(y[:, :3])
        density = linen.softplus(y[:, 3])
        return rgb, 1 - jnp.exp(-0.1 * density)


SHAPES = ((5, 3),)
FAULTS = [
    ("cosines first", "jnp.sin(scaled).reshape(len(x), -1), jnp.cos(scaled).reshape(len(x), -1)]", "jnp.cos(scaled).reshape(len(x), -1), jnp.sin(scaled).reshape(len(x), -1)]", "concat.order", ("torch.cat([x",)),
    ("sines in another order", "jnp.sin(scaled).reshape", "jnp.sin(scaled).swapaxes(1, 2).reshape", "reshape.order|flatten.order", ("torch.cat([x",)),
    ("relu of the density", "linen.softplus(y[:, 3])", "linen.relu(y[:, 3])", "activation.other", ("TF.softplus",)),
    ("a longer step", "-0.1 * density", "-0.2 * density", "factor.value", ("-0.1 * density",)),
    ("the density is the first", "rgb = linen.sigmoid(y[:, :3])", "rgb = linen.sigmoid(y[:, 1:])", "slice.other", ("rgb = ",)),
]  # fmt: skip
