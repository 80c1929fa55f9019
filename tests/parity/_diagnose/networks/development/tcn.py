"""A temporal convolutional network: causal, with residuals."""

import jax
import jax.numpy as jnp
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv1d(3, 4, 3, dilation=1)
        self.conv2 = torch.nn.Conv1d(4, 4, 3, dilation=2)
        self.down = torch.nn.Conv1d(3, 4, 1)
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, x):
        y = torch.relu(self.conv1(TF.pad(x, (2, 0))))
        y = torch.relu(self.conv2(TF.pad(y, (4, 0))))
        y = torch.relu(y + self.down(x))
        y = y[..., -1]
        return self.fc(y)


def conv(p, x, left=0, dilation=1):
    x = jnp.pad(x, ((0, 0), (0, 0), (left, 0)))
    y = jax.lax.conv_general_dilated(x, p["weight"], (1,), "VALID", rhs_dilation=(dilation,))
    return y + p["bias"][:, None]


def ours(p, x):
    y = jax.nn.relu(conv(p["conv1"], x, 2))
    y = jax.nn.relu(conv(p["conv2"], y, 4, 2))
    y = jax.nn.relu(y + conv(p["down"], x))
    y = y[..., -1]
    return y @ p["fc"]["weight"].T + p["fc"]["bias"]


SHAPES = ((2, 3, 9),)
FAULTS = [
    ("the first step", "y = y[..., -1]", "y = y[..., 0]", "slice.other", ("y[..., -1]",)),
    ("the mean over time", "y = y[..., -1]", "y = y.mean(-1)", "slice.other", ("y[..., -1]",)),
    ("padded on both sides", "(left, 0)))", "(left // 2, left - left // 2)))", "padding.side", ("TF.pad(x", "self.conv1(")),
    ("no dilation", "y, 4, 2))", "y, 2, 1))", "dilation.dropped", ("self.conv2",), ("rhs_dilation",)),
]  # fmt: skip
