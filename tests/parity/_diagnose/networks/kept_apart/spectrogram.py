"""Frames, a matrix of filters, decibels, a convolution in time."""

import math

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.filters = torch.nn.Parameter(torch.rand(8, 5))
        self.conv = torch.nn.Conv1d(5, 4, 3, padding=1)

    def forward(self, x):
        frames = x.unfold(1, 8, 4)
        frames = frames * torch.hann_window(8)
        mel = frames.pow(2) @ self.filters.abs()
        db = 10 * torch.log10(mel + 1e-4)
        db = db - db.amax((1, 2), keepdim=True)
        db = (db - db.mean((1, 2), keepdim=True)) / db.std((1, 2), keepdim=True)
        return torch.relu(self.conv(db.transpose(1, 2)))


def ours(p, x):
    starts = jnp.arange(0, x.shape[1] - 7, 4)
    frames = x[:, starts[:, None] + jnp.arange(8)]
    n = jnp.arange(8, dtype=x.dtype)
    frames = frames * (0.5 - 0.5 * jnp.cos(2 * math.pi * n / 8))
    mel = frames**2 @ jnp.abs(p["filters"])
    db = 10 * jnp.log10(mel + 1e-4)
    db = db - db.max((1, 2), keepdims=True)
    db = (db - db.mean((1, 2), keepdims=True)) / db.std((1, 2), keepdims=True, ddof=1)
    y = jax.lax.conv_general_dilated(db.swapaxes(1, 2), p["conv"]["weight"], (1,), ((1, 1),))
    return jax.nn.relu(y + p["conv"]["bias"][:, None])


SHAPES = ((2, 32),)
FAULTS = [
    ("a symmetric window", "* n / 8))", "* n / 7))", "operand.other|factor.value", ("hann_window",)),
    ("the natural logarithm", "jnp.log10(mel + 1e-4)", "jnp.log(mel + 1e-4)", "factor.value|operation.other", ("torch.log10",)),
    ("the deviation of the population", ", ddof=1)", ")", "variance.correction", ("db.std",)),
    ("the floor of the logarithm", "mel + 1e-4)", "mel + 1e-2)", "offset.value", ("mel + 1e-4",)),
]  # fmt: skip
