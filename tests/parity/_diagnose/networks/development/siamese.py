"""Two embeddings and their cosine."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(6, 8), torch.nn.Linear(8, 5)
        self.temperature = torch.nn.Parameter(torch.zeros(()))

    def embed(self, x):
        y = self.fc2(torch.relu(self.fc1(x)))
        return y / y.norm(dim=-1, keepdim=True)

    def forward(self, a, b):
        a, b = self.embed(a), self.embed(b)
        s = a @ b.T
        s = s * self.temperature.exp()
        return torch.log_softmax(s, 1)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.fc1, self.fc2 = nnx.Linear(6, 8, rngs=rngs), nnx.Linear(8, 5, rngs=rngs)
        self.temperature = nnx.Param(jnp.zeros((), jnp.float32))

    def embed(self, x):
        y = self.fc2(jax.nn.relu(self.fc1(x)))
        return y / jnp.linalg.norm(y, axis=-1, keepdims=True)

    def __call__(self, a, b):
        a, b = self.embed(a), self.embed(b)
        s = a @ b.T
        s = s * jnp.exp(self.temperature[...])
        return jax.nn.log_softmax(s, 1)


SHAPES = ((4, 6), (4, 6))
FAULTS = [
    ("over the other batch", "jax.nn.log_softmax(s, 1)", "jax.nn.log_softmax(s, 0)", "softmax.axis", ("log_softmax",)),
    ("the second against the first", "s = a @ b.T", "s = b @ a.T", "operands.swapped", ("a @ b.T",)),
    ("the temperature, not its exponent", "jnp.exp(self.temperature[...])", "self.temperature[...]", "operation.missing|activation.missing", ("self.temperature.exp()",)),
    ("the squared norm", "jnp.linalg.norm(y, axis=-1, keepdims=True)", "jnp.sum(y * y, axis=-1, keepdims=True)", "operation.missing|reduction.kind|exponent.value", ("y.norm(",)),
]  # fmt: skip
