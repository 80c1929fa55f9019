"""Columns of a convolution, read by a recurrent cell of one's own."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 3, 3, padding=1)
        self.wx, self.wh = torch.nn.Linear(6, 5), torch.nn.Linear(5, 5, bias=False)
        self.out = torch.nn.Linear(5, 4)

    def forward(self, x):
        y = TF.max_pool2d(torch.relu(self.conv(x)), (2, 1))
        y = y.permute(3, 0, 1, 2).flatten(2)
        h = torch.zeros(len(x), 5)
        steps = []
        for column in self.wx(y):
            h = torch.tanh(column + self.wh(h))
            steps.append(h)
        y = torch.stack(steps, 1)
        return torch.log_softmax(self.out(y), -1)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.conv = nnx.Conv(1, 3, (3, 3), padding=1, rngs=rngs)
        self.wx, self.wh = nnx.Linear(6, 5, rngs=rngs), nnx.Linear(5, 5, use_bias=False, rngs=rngs)
        self.out = nnx.Linear(5, 4, rngs=rngs)

    def __call__(self, x):
        y = nnx.max_pool(jax.nn.relu(self.conv(x)), (2, 1), strides=(2, 1))
        y = y.transpose(2, 0, 3, 1).reshape(y.shape[2], len(x), -1)
        h = jnp.zeros((len(x), 5), x.dtype)
        steps = []
        for column in self.wx(y):
            h = jnp.tanh(column + self.wh(h))
            steps.append(h)
        y = jnp.stack(steps, 1)
        return jax.nn.log_softmax(self.out(y), -1)


SHAPES = ((2, 1, 4, 5),)
FAULTS = [
    ("rows and channels in the other order", "y.transpose(2, 0, 3, 1)", "y.transpose(2, 0, 1, 3)", "reshape.order", ("y.permute", "self.wx(y)"), ("self.wx(y)",)),
    ("softmax without the logarithm", "jax.nn.log_softmax", "jax.nn.softmax", "softmax.kind", ("log_softmax",)),
    ("read backwards", "in self.wx(y):", "in self.wx(y)[::-1]:", "order.reversed", ("in self.wx(y)", "torch.tanh(column", "self.wh(h)"), ("jnp.tanh(column",)),
    ("no activation in the cell", "jnp.tanh(column + self.wh(h))", "column + self.wh(h)", "activation.missing", ("torch.tanh(column",)),
]  # fmt: skip
