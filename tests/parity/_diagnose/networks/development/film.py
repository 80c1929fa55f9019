"""Features scaled and shifted by a condition, after an instance norm."""

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.cond = torch.nn.Linear(5, 8)
        self.out = torch.nn.Conv2d(4, 2, 1)

    def forward(self, x, c):
        y = self.conv(x)
        mean, var = y.mean((2, 3), keepdim=True), y.var((2, 3), keepdim=True, unbiased=False)
        y = (y - mean) / torch.sqrt(var + 1e-5)
        gamma, beta = self.cond(c)[:, :, None, None].chunk(2, 1)
        y = (1 + gamma) * y + beta
        y = TF.relu(y)
        return self.out(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x, c):
        y = linen.Conv(4, (3, 3), padding=1, name="conv")(x)
        mean, var = y.mean((1, 2), keepdims=True), y.var((1, 2), keepdims=True)
        y = (y - mean) / jnp.sqrt(var + 1e-5)
        gamma, beta = jnp.split(linen.Dense(8, name="cond")(c)[:, None, None], 2, -1)
        y = (1 + gamma) * y + beta
        y = linen.relu(y)
        return linen.Conv(2, (1, 1), name="out")(y)


SHAPES = ((2, 3, 6, 5), (2, 5))
FAULTS = [
    ("shift and scale exchanged", "gamma, beta = jnp", "beta, gamma = jnp", "split.order", ("gamma, beta =", "(1 + gamma)"), ("(1 + gamma)",)),
    ("gamma without one", "(1 + gamma) * y", "gamma * y", "offset.value|residual.missing", ("(1 + gamma)",)),
    ("a layer norm's axes", "y.var((1, 2), keepdims=True)", "y.var((1, 2, 3), keepdims=True)", "reduction.axis", ("mean, var =",)),
    ("epsilon outside of the root", "jnp.sqrt(var + 1e-5)", "(jnp.sqrt(var) + 1e-2)", "operation.order|offset.value", ("torch.sqrt",)),
]  # fmt: skip
