"""A variational autoencoder that is given its noise."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.mu, self.logvar = torch.nn.Linear(7, 6), torch.nn.Linear(6, 3), torch.nn.Linear(6, 3)
        self.dec1, self.dec2 = torch.nn.Linear(3, 6), torch.nn.Linear(6, 7)

    def forward(self, x, noise):
        h = torch.relu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        std = torch.exp(0.5 * logvar)
        z = mu + noise * std
        y = torch.relu(self.dec1(z))
        y = torch.sigmoid(self.dec2(y))
        kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp(), dim=1)
        return y, kl


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.enc = nnx.Linear(7, 6, rngs=rngs)
        self.mu, self.logvar = nnx.Linear(6, 3, rngs=rngs), nnx.Linear(6, 3, rngs=rngs)
        self.dec1, self.dec2 = nnx.Linear(3, 6, rngs=rngs), nnx.Linear(6, 7, rngs=rngs)

    def __call__(self, x, noise):
        h = jax.nn.relu(self.enc(x))
        mu, logvar = self.mu(h), self.logvar(h)
        std = jnp.exp(0.5 * logvar)
        z = mu + noise * std
        y = jax.nn.relu(self.dec1(z))
        y = jax.nn.sigmoid(self.dec2(y))
        kl = -0.5 * jnp.sum(1 + logvar - mu**2 - jnp.exp(logvar), axis=1)
        return y, kl


SHAPES = ((4, 7), (4, 3))
FAULTS = [
    ("the variance for the deviation", "jnp.exp(0.5 * logvar)", "jnp.exp(logvar)", "scale.missing|factor.value", ("0.5 * logvar",)),
    ("the mean and the variance exchanged", "mu, logvar = self.mu(h), self.logvar(h)", "logvar, mu = self.mu(h), self.logvar(h)", "operands.swapped|layer.order", ("mu, logvar =", "std = ", "z = "), ("std = ", "z = ")),
    ("summed over the batch", "jnp.exp(logvar), axis=1)", "jnp.exp(logvar), axis=0)[:1].repeat(4)", "reduction.axis", ("kl = ",)),
    ("a sign in the divergence", "1 + logvar - mu**2", "1 - logvar - mu**2", "operands.swapped", ("kl = ",)),
]  # fmt: skip
