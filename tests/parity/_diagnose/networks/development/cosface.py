"""Class scores by cosines with a margin."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 5)
        self.bn = torch.nn.BatchNorm1d(5)
        self.classes = torch.nn.Parameter(torch.randn(7, 5))

    def forward(self, x):
        y = TF.normalize(self.bn(self.fc(x)), dim=1)
        w = TF.normalize(self.classes, dim=1)
        s = y @ w.T
        s = 8 * (s - 0.35)
        return torch.log_softmax(s, -1)[:, 1:], s


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.fc, self.bn = nnx.Linear(6, 5, rngs=rngs), nnx.BatchNorm(5, epsilon=1e-5, rngs=rngs)
        self.classes = nnx.Param(jnp.ones((7, 5), jnp.float32))

    def __call__(self, x):
        y = self.bn(self.fc(x))
        y = y / jnp.linalg.norm(y, axis=1, keepdims=True)
        w = self.classes[...]
        w = w / jnp.linalg.norm(w, axis=1, keepdims=True)
        s = y @ w.T
        s = 8 * (s - 0.35)
        return jax.nn.log_softmax(s, -1)[:, 1:], s


SHAPES = ((4, 6),)
FAULTS = [
    ("a larger margin", "s - 0.35", "s - 0.5", "offset.value", ("s - 0.35",)),
    ("the margin after the scale", "8 * (s - 0.35)", "8 * s - 0.35", "operation.order|offset.value", ("8 * (s",)),
    ("classes normalised over classes", "jnp.linalg.norm(w, axis=1,", "jnp.linalg.norm(w, axis=0,", "reduction.axis", ("TF.normalize(self.classes",)),
    ("classes not normalised", "w = w / jnp.linalg.norm(w, axis=1, keepdims=True)", "w = w * 1.0", "scale.missing|operation.missing", ("TF.normalize(self.classes",)),
    ("the epsilon of the norm", "epsilon=1e-5", "epsilon=1e-3", "norm.epsilon", ("self.bn(", "self.bn ="), ("self.bn(",)),
]  # fmt: skip
