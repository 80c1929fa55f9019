"""An LSTM cell with its state given and returned."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.x, self.h = torch.nn.Linear(5, 16), torch.nn.Linear(4, 16, bias=False)

    def forward(self, x, h, c):
        gates = self.x(x) + self.h(h)
        i, f, g, o = gates.chunk(4, -1)
        f = torch.sigmoid(f + 1)
        c = f * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        return h, c


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.x, self.h = nnx.Linear(5, 16, rngs=rngs), nnx.Linear(4, 16, use_bias=False, rngs=rngs)

    def __call__(self, x, h, c):
        gates = self.x(x) + self.h(h)
        i, f, g, o = jnp.split(gates, 4, -1)
        f = jax.nn.sigmoid(f + 1)
        c = f * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return h, c


SHAPES = ((3, 5), (3, 4), (3, 4))
FAULTS = [
    ("no bias of the forget gate", "jax.nn.sigmoid(f + 1)", "jax.nn.sigmoid(f)", "residual.missing|offset.value", ("f + 1",)),
    ("output and candidate exchanged", "i, f, g, o = jnp", "i, f, o, g = jnp", "split.order", ("i, f, g, o =", "c = f * c", "h = torch"), ("c = f * c", "h = jax")),
    ("the state without tanh", "jax.nn.sigmoid(o) * jnp.tanh(c)", "jax.nn.sigmoid(o) * c", "activation.missing", ("h = torch",)),
    ("the gates of the old state only", "f * c + jax.nn.sigmoid(i) * jnp.tanh(g)", "f * c + (1 - f) * jnp.tanh(g)", "operand.other", ("c = f * c",)),
]  # fmt: skip
