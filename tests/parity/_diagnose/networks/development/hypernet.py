"""A network that computes another's weights."""

import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.code = torch.nn.Linear(3, 20)
        self.bias = torch.nn.Parameter(torch.zeros(5))
        self.out = torch.nn.Linear(5, 2)

    def forward(self, x, z):
        w = self.code(z)
        w = w.view(-1, 4, 5)
        y = torch.einsum("bi,bio->bo", x, w)
        y = y / 2 + self.bias
        y = torch.sin(y)
        return self.out(y)


def ours(p, x, z):
    w = z @ p["code"]["weight"].T + p["code"]["bias"]
    w = w.reshape(-1, 4, 5)
    y = jnp.einsum("bi,bio->bo", x, w)
    y = y / 2 + p["bias"]
    y = jnp.sin(y)
    return y @ p["out"]["weight"].T + p["out"]["bias"]


SHAPES = ((3, 4), (3, 3))
FAULTS = [
    ("weights for (out, in)", "w.reshape(-1, 4, 5)", "w.reshape(-1, 5, 4).swapaxes(1, 2)", "reshape.order", ("w.view", "torch.einsum"), ("jnp.einsum",)),
    ("the bias is scaled too", "y / 2 + p[\"bias\"]", "(y + p[\"bias\"]) / 2", "operation.order", ("y / 2 + self.bias",)),
    ("cosine for sine", "jnp.sin(y)", "jnp.cos(y)", "activation.other|operation.other", ("torch.sin(y)",)),
]  # fmt: skip
