"""A convolutional autoencoder in one dimension."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = torch.nn.Conv1d(2, 4, 4, stride=2, padding=1)
        self.mid = torch.nn.Conv1d(4, 4, 3, padding=1)
        self.dec = torch.nn.ConvTranspose1d(4, 2, 4, stride=2, padding=1)

    def forward(self, x):
        y = TF.softplus(self.enc(x))
        y = TF.dropout(y, 0.5, self.training)
        y = torch.tanh(self.mid(y))
        y = self.dec(y)
        return y - y.mean(-1, keepdim=True)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.enc = jaxconv.Conv1d(2, 4, 4, stride=2, padding=1, rngs=rngs)
        self.mid = jaxconv.Conv1d(4, 4, 3, padding=1, rngs=rngs)
        self.dec = jaxconv.ConvTranspose1d(4, 2, 4, stride=2, padding=1, rngs=rngs)

    def __call__(self, x):
        y = jax.nn.softplus(self.enc(x))
        y = jnp.tanh(self.mid(y))
        y = self.dec(y)
        return y - y.mean(-1, keepdims=True)


SHAPES = ((2, 2, 8),)
FAULTS = [
    ("silu for softplus", "jax.nn.softplus", "jax.nn.silu", "activation.other", ("TF.softplus",)),
    ("the mean over channels", "y.mean(-1, keepdims", "y.mean(1, keepdims", "reduction.axis", ("y.mean(-1",)),
    ("the mean added", "return y - y.mean", "return y + y.mean", "operation.other", ("y - y.mean",)),
    ("another padding of the decoder", "4, 2, 4, stride=2, padding=1", "4, 2, 4, stride=2, padding=0", "padding.value|output_padding.value", ("self.dec(y)", "self.dec ="), ("self.dec(y)",)),
]  # fmt: skip
