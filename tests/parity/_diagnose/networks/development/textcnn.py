"""Convolutions of several widths over words, the maximum over time."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = torch.nn.Embedding(17, 5)
        self.c2, self.c3 = torch.nn.Conv1d(5, 3, 2), torch.nn.Conv1d(5, 3, 3)
        self.fc = torch.nn.Linear(6, 2)

    def forward(self, tokens):
        x = self.emb(tokens).transpose(1, 2)
        a = torch.relu(self.c2(x)).amax(2)
        b = torch.relu(self.c3(x)).amax(2)
        y = torch.cat([a, b], 1)
        return self.fc(y)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.emb = nnx.Embed(17, 5, rngs=rngs)
        self.c2 = nnx.Conv(5, 3, (2,), padding="VALID", rngs=rngs)
        self.c3 = nnx.Conv(5, 3, (3,), padding="VALID", rngs=rngs)
        self.fc = nnx.Linear(6, 2, rngs=rngs)

    def __call__(self, tokens):
        x = self.emb(tokens)
        a = jax.nn.relu(self.c2(x)).max(1)
        b = jax.nn.relu(self.c3(x)).max(1)
        y = jnp.concatenate([a, b], 1)
        return self.fc(y)


SHAPES = ()
TOKENS = (17, (3, 7))
FAULTS = [
    ("the mean over time", "jax.nn.relu(self.c3(x)).max(1)", "jax.nn.relu(self.c3(x)).mean(1)", "reduction.kind", ("self.c3(x)",)),
    ("scaled embeddings", "x = self.emb(tokens)", "x = self.emb(tokens) * 5**0.5", "factor.value|operation.additional", ("self.emb(tokens)", "self.c2(x)")),
    ("the wider first", "[a, b], 1", "[b, a], 1", "concat.order", ("torch.cat",)),
]  # fmt: skip
