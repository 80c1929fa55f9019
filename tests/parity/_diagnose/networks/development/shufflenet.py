"""ShuffleNet's unit: split, depthwise, shuffle."""

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 1)
        self.pw = torch.nn.Conv2d(4, 4, 1)
        self.dw = torch.nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.head = torch.nn.Conv2d(8, 5, 1)

    def forward(self, x):
        x = self.stem(x)
        a, b = x.chunk(2, 1)
        b = torch.relu(self.pw(b))
        b = self.dw(b)
        x = torch.cat([a, b], 1)
        x = TF.channel_shuffle(x, 2)
        return self.head(x)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(8, (1, 1), name="stem")(x)
        a, b = jnp.split(x, 2, -1)
        b = linen.relu(linen.Conv(4, (1, 1), name="pw")(b))
        b = linen.Conv(4, (3, 3), padding=1, feature_group_count=4, name="dw")(b)
        x = jnp.concatenate([a, b], -1)
        n, h, w, c = x.shape
        x = x.reshape(n, h, w, 2, c // 2).swapaxes(3, 4).reshape(n, h, w, c)
        return linen.Conv(5, (1, 1), name="head")(x)


SHAPES = ((2, 3, 6, 5),)
FAULTS = [
    ("shuffled with other groups", "reshape(n, h, w, 2, c // 2)", "reshape(n, h, w, c // 2, 2)", "reshape.order", ("channel_shuffle", "self.head(x)"), ("name=\"head\"",)),
    ("not shuffled", ".swapaxes(3, 4).reshape(n, h, w, c)", ".reshape(n, h, w, c)", "reshape.order|operation.missing", ("channel_shuffle", "self.head(x)"), ("name=\"head\"",)),
    ("the other half", "a, b = jnp.split", "b, a = jnp.split", "split.order", ("a, b =", "self.pw(b)"), ("name=\"pw\"",)),
]  # fmt: skip
