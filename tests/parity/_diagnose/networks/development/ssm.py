"""A state space model: a recurrence with a decay for each channel."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inp, self.dt = torch.nn.Linear(4, 6), torch.nn.Linear(4, 6)
        self.a = torch.nn.Parameter(torch.rand(6))
        self.out = torch.nn.Linear(6, 4)

    def forward(self, x):
        u, dt = self.inp(x), TF.softplus(self.dt(x))
        decay = torch.exp(-dt * self.a.exp())
        h = torch.zeros(len(x), 6)
        ys = []
        for t in range(x.shape[1]):
            h = decay[:, t] * h + dt[:, t] * u[:, t]
            ys.append(h)
        y = torch.stack(ys, 1)
        y = y * TF.silu(u)
        return self.out(y)


def dense(p, x):
    return x @ p["weight"].T + p["bias"]


def ours(p, x):
    u, dt = dense(p["inp"], x), jax.nn.softplus(dense(p["dt"], x))
    decay = jnp.exp(-dt * jnp.exp(p["a"]))
    h = jnp.zeros((len(x), 6), x.dtype)
    ys = []
    for t in range(x.shape[1]):
        h = decay[:, t] * h + dt[:, t] * u[:, t]
        ys.append(h)
    y = jnp.stack(ys, 1)
    y = y * jax.nn.silu(u)
    return dense(p["out"], y)


SHAPES = ((2, 4, 4),)
FAULTS = [
    ("the input is not scaled", "dt[:, t] * u[:, t]", "u[:, t]", "scale.missing", ("h = decay",)),
    ("another gate", "jax.nn.silu(u)", "jax.nn.sigmoid(u)", "activation.other", ("TF.silu",)),
    ("the decay not negative", "jnp.exp(-dt *", "jnp.exp(dt *", "operation.missing|factor.value", ("decay = ",)),
    ("the state before the step", "        h = decay[:, t] * h + dt[:, t] * u[:, t]\n        ys.append(h)", "        ys.append(h)\n        h = decay[:, t] * h + dt[:, t] * u[:, t]", "operand.other", ("torch.stack",), ("jnp.stack",)),
]  # fmt: skip
