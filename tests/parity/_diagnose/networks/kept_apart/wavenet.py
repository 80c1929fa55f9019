"""WaveNet: causal dilated convolutions, gates, residuals and skips."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = torch.nn.Conv1d(1, 4, 1)
        self.dil = torch.nn.ModuleList(torch.nn.Conv1d(4, 8, 2, dilation=d) for d in (1, 2))
        self.res = torch.nn.ModuleList(torch.nn.Conv1d(4, 4, 1) for _ in range(2))
        self.skip = torch.nn.ModuleList(torch.nn.Conv1d(4, 3, 1) for _ in range(2))

    def forward(self, x):
        x = self.inp(x)
        total = 0
        for i, d in enumerate((1, 2)):
            y = self.dil[i](TF.pad(x, (d, 0)))
            filt, gate = y.chunk(2, 1)
            y = torch.tanh(filt) * torch.sigmoid(gate)
            total = total + self.skip[i](y)
            x = x + self.res[i](y)
        return torch.relu(total), x


def conv(p, x, d=1):
    y = jax.lax.conv_general_dilated(x, p["weight"], (1,), "VALID", rhs_dilation=(d,))
    return y + p["bias"][:, None]


def ours(p, x):
    x = conv(p["inp"], x)
    total = 0
    for i, d in enumerate((1, 2)):
        y = conv(p["dil"][str(i)], jnp.pad(x, ((0, 0), (0, 0), (d, 0))), d)
        filt, gate = jnp.split(y, 2, 1)
        y = jnp.tanh(filt) * jax.nn.sigmoid(gate)
        total = total + conv(p["skip"][str(i)], y)
        x = x + conv(p["res"][str(i)], y)
    return jax.nn.relu(total), x


SHAPES = ((2, 1, 9),)
FAULTS = [
    ("the gate first", "filt, gate = jnp", "gate, filt = jnp", "split.order", ("filt, gate", "torch.tanh(filt)"), ("jnp.tanh(filt)",)),
    ("padded on the other side", "(d, 0)))", "(0, d)))", "padding.side", ("TF.pad",)),
    ("the residual without its input", "x = x + conv(p[\"res\"]", "x = conv(p[\"res\"]", "residual.missing", ("x + self.res",)),
    ("sigmoid for tanh", "jnp.tanh(filt)", "jax.nn.sigmoid(filt)", "activation.other", ("torch.tanh(filt)",)),
]  # fmt: skip
