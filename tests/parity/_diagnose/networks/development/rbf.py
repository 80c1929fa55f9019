"""A layer of radial functions around learned centres."""

import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.centres = torch.nn.Parameter(torch.randn(6, 3))
        self.width = torch.nn.Parameter(torch.zeros(6))
        self.out = torch.nn.Linear(6, 2)

    def forward(self, x):
        d = x[:, None] - self.centres
        r = (d**2).sum(-1)
        r = r * torch.exp(-2 * self.width)
        y = torch.exp(-0.5 * r)
        y = y / y.sum(1, keepdim=True)
        return self.out(y)


def ours(p, x):
    d = x[:, None] - p["centres"]
    r = (d**2).sum(-1)
    r = r * jnp.exp(-2 * p["width"])
    y = jnp.exp(-0.5 * r)
    y = y / y.sum(1, keepdims=True)
    return y @ p["out"]["weight"].T + p["out"]["bias"]


SHAPES = ((6, 3),)
FAULTS = [
    ("absolute differences", "(d**2).sum(-1)", "jnp.abs(d).sum(-1)", "activation.other|operation.other|exponent.value", ("(d**2)",)),
    ("the width, not its square", "jnp.exp(-2 * p", "jnp.exp(-1 * p", "factor.value", ("-2 * self.width",)),
    ("normalised over the batch", "y.sum(1, keepdims", "y.sum(0, keepdims", "reduction.axis", ("y.sum(1",)),
    ("not normalised", "y = y / y.sum(1, keepdims=True)\n    return y", "return y", "scale.missing|operation.missing", ("y / y.sum", "self.out(y)")),
]  # fmt: skip
