"""A Conformer's convolution module: GLU, a depthwise convolution in time, swish."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(6)
        self.pw1 = torch.nn.Linear(6, 12)
        self.dw = torch.nn.Conv1d(6, 6, 3, padding=1, groups=6)
        self.pw2 = torch.nn.Linear(6, 6)

    def forward(self, x):
        y = self.pw1(self.norm(x))
        y = TF.glu(y, -1)
        y = self.dw(y.transpose(1, 2)).transpose(1, 2)
        y = y * torch.sigmoid(y)
        y = self.pw2(y)
        return x + 0.5 * y


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.norm = nnx.LayerNorm(6, epsilon=1e-5, rngs=rngs)
        self.pw1 = nnx.Linear(6, 12, rngs=rngs)
        self.dw = nnx.Conv(6, 6, (3,), padding=1, feature_group_count=6, rngs=rngs)
        self.pw2 = nnx.Linear(6, 6, rngs=rngs)

    def __call__(self, x):
        y = self.pw1(self.norm(x))
        a, b = jnp.split(y, 2, -1)
        y = a * jax.nn.sigmoid(b)
        y = self.dw(y)
        y = y * jax.nn.sigmoid(y)
        y = self.pw2(y)
        return x + 0.5 * y


SHAPES = ((2, 7, 6),)
OPTIONS = {"layout": "NCHW"}
FAULTS = [
    ("the gate from the other half", "y = a * jax.nn.sigmoid(b)", "y = b * jax.nn.sigmoid(a)", "split.order|operands.swapped", ("TF.glu",), ("jnp.split",)),
    ("a whole step", "x + 0.5 * y", "x + y", "factor.value|scale.missing", ("x + 0.5",)),
    ("another swish", "y = y * jax.nn.sigmoid(y)", "y = y * jax.nn.sigmoid(1.702 * y)", "factor.value|operation.additional", ("torch.sigmoid(y)",)),
]  # fmt: skip
