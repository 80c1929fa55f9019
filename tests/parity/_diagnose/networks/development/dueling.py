"""A dueling network: a value and advantages."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.value, self.adv = torch.nn.Linear(5, 8), torch.nn.Linear(8, 1), torch.nn.Linear(8, 4)

    def forward(self, x):
        h = TF.mish(self.body(x))
        v = self.value(h)
        a = self.adv(h)
        q = v + a - a.mean(1, keepdim=True)
        q = q.clamp(-2, 2)
        return q


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.body, self.value = nnx.Linear(5, 8, rngs=rngs), nnx.Linear(8, 1, rngs=rngs)
        self.adv = nnx.Linear(8, 4, rngs=rngs)

    def __call__(self, x):
        h = jax.nn.mish(self.body(x))
        v = self.value(h)
        a = self.adv(h)
        q = v + a - a.mean(1, keepdims=True)
        q = jnp.clip(q, -2, 2)
        return q


SHAPES = ((4, 5),)
FAULTS = [
    ("the maximum of the advantages", "a.mean(1, keepdims", "a.max(1, keepdims", "reduction.kind", ("a.mean(1",)),
    ("the mean over the batch", "a.mean(1, keepdims", "a.mean(0, keepdims", "reduction.axis", ("a.mean(1",)),
    ("not centred", "v + a - a.mean(1, keepdims=True)", "v + a", "residual.missing|operation.missing", ("q = v + a",)),
    ("other limits", "jnp.clip(q, -2, 2)", "jnp.clip(q, -1, 1)", "limits.value", ("q.clamp",)),
    ("the gate of the value too", "v = self.value(h)", "v = jnp.tanh(self.value(h))", "operation.additional", ("self.value(h)", "q = v + a"), ("q = v + a",)),
]  # fmt: skip
