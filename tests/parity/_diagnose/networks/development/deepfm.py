"""Embeddings, their pairwise products, and an MLP."""

import jax
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.lin = torch.nn.Embedding(13, 4), torch.nn.Embedding(13, 1)
        self.fc1, self.fc2 = torch.nn.Linear(12, 5), torch.nn.Linear(5, 1)

    def forward(self, tokens):
        e = self.emb(tokens)
        square = e.sum(1) ** 2
        fm = 0.5 * (square - (e**2).sum(1)).sum(1, keepdim=True)
        deep = self.fc2(torch.relu(self.fc1(e.flatten(1))))
        y = self.lin(tokens).sum(1) + fm + deep
        return torch.sigmoid(y)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, tokens):
    e = p["emb"]["weight"][tokens]
    square = e.sum(1) ** 2
    fm = 0.5 * (square - (e**2).sum(1)).sum(1, keepdims=True)
    deep = dense(p["fc2"], jax.nn.relu(dense(p["fc1"], e.reshape(len(e), -1))))
    y = p["lin"]["weight"][tokens].sum(1) + fm + deep
    return jax.nn.sigmoid(y)


SHAPES = ()
TOKENS = (13, (4, 3))
FAULTS = [
    ("no half", "0.5 * (square", "(square", "scale.missing|factor.value", ("0.5 * (square",)),
    ("the linear part left out", "p[\"lin\"][\"weight\"][tokens].sum(1) + fm + deep", "0 * p[\"lin\"][\"weight\"][tokens].sum(1) + fm + deep", "residual.missing", ("self.lin(tokens)",)),
    ("the mean of the linear part", "[tokens].sum(1)", "[tokens].mean(1)", "reduction.kind|factor.value", ("self.lin(tokens)",)),
    ("logits", "return jax.nn.sigmoid(y)", "return y", "activation.missing", ("torch.sigmoid(y)",)),
]  # fmt: skip
