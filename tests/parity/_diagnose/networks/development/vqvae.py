"""Quantisation with the gradient passed straight through."""

import jax
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enc, self.dec = torch.nn.Linear(6, 3), torch.nn.Linear(3, 6)
        self.codes = torch.nn.Parameter(torch.randn(5, 3))

    def forward(self, x):
        z = self.enc(x)
        d = ((z[:, None] - self.codes) ** 2).sum(-1)
        w = torch.softmax(-4 * d, -1)
        q = w @ self.codes
        loss = ((q.detach() - z) ** 2).mean(-1)
        q = z + (q - z).detach()
        return self.dec(q), loss


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    z = dense(p["enc"], x)
    d = ((z[:, None] - p["codes"]) ** 2).sum(-1)
    w = jax.nn.softmax(-4 * d, -1)
    q = w @ p["codes"]
    loss = ((jax.lax.stop_gradient(q) - z) ** 2).mean(-1)
    q = z + jax.lax.stop_gradient(q - z)
    return dense(p["dec"], q), loss


SHAPES = ((4, 6),)
FAULTS = [
    ("the gradient not passed through", "q = z + jax.lax.stop_gradient(q - z)", "q = z + (q - z)", "gradient.flows", ("(q - z).detach()",)),
    ("the loss moves the codes", "(jax.lax.stop_gradient(q) - z)", "(q - z)", "gradient.flows", ("q.detach()",)),
    ("a softer choice", "-4 * d", "-2 * d", "factor.value", ("-4 * d",)),
    ("the sum of the loss", "- z) ** 2).mean(-1)", "- z) ** 2).sum(-1)", "reduction.kind|factor.value", ("loss =",)),
]  # fmt: skip
