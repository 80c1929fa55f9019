"""A vision transformer: patches, a class token, positions, one block before the head."""

import jax
import jax.numpy as jnp
import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.patch = torch.nn.Conv2d(3, 8, 4, stride=4)
        self.cls = torch.nn.Parameter(torch.randn(1, 1, 8))
        self.pos = torch.nn.Parameter(torch.randn(1, 7, 8))
        self.norm1, self.norm2 = torch.nn.LayerNorm(8, eps=1e-6), torch.nn.LayerNorm(8, eps=1e-6)
        self.qkv, self.proj = torch.nn.Linear(8, 24), torch.nn.Linear(8, 8)
        self.fc1, self.fc2 = torch.nn.Linear(8, 12), torch.nn.Linear(12, 8)
        self.head = torch.nn.Linear(8, 5)

    def attention(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 2, 4).permute(2, 0, 3, 1, 4)
        attn = q @ k.transpose(-2, -1) * 0.5
        attn = attn.softmax(-1)
        return self.proj((attn @ v).transpose(1, 2).reshape(b, n, c))

    def forward(self, x):
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
        x = x + self.pos
        x = x + self.attention(self.norm1(x))
        y = TF.gelu(self.fc1(self.norm2(x)))
        x = x + self.fc2(y)
        x = x[:, 0]
        return self.head(x)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(8, (4, 4), strides=4, padding="VALID", name="patch")(x)
        x = x.reshape(x.shape[0], -1, 8)
        cls = self.param("cls", linen.initializers.zeros, (1, 1, 8), jnp.float32)
        pos = self.param("pos", linen.initializers.zeros, (1, 7, 8), jnp.float32)
        x = jnp.concatenate([jnp.broadcast_to(cls, (x.shape[0], 1, 8)), x], 1)
        x = x + pos
        b, n, c = x.shape
        y = linen.LayerNorm(epsilon=1e-6, name="norm1")(x)
        q, k, v = linen.Dense(24, name="qkv")(y).reshape(b, n, 3, 2, 4).transpose(2, 0, 3, 1, 4)
        attn = q @ k.swapaxes(-2, -1) * 0.5
        attn = jax.nn.softmax(attn, -1)
        y = (attn @ v).swapaxes(1, 2).reshape(b, n, c)
        x = x + linen.Dense(8, name="proj")(y)
        y = linen.LayerNorm(epsilon=1e-6, name="norm2")(x)
        y = linen.gelu(linen.Dense(12, name="fc1")(y), approximate=False)
        x = x + linen.Dense(8, name="fc2")(y)
        x = x[:, 0]
        return linen.Dense(5, name="head")(x)


SHAPES = ((2, 3, 8, 12),)
FAULTS = [
    ("the class token last", "[jnp.broadcast_to(cls, (x.shape[0], 1, 8)), x], 1", "[x, jnp.broadcast_to(cls, (x.shape[0], 1, 8))], 1", "concat.order", ("torch.cat",)),
    ("the mean of the tokens", "x = x[:, 0]", "x = x.mean(1)", "slice.other", ("x[:, 0]",)),
    ("the last token", "x = x[:, 0]", "x = x[:, -1]", "slice.other", ("x[:, 0]",)),
    ("the norm behind the sum", "x = x + linen.Dense(8, name=\"fc2\")(y)", "x = y[..., :8] + linen.Dense(8, name=\"fc2\")(y)", None, ("self.fc2(y)",)),
    ("heads not merged", "(attn @ v).swapaxes(1, 2).reshape", "(attn @ v).reshape", "reshape.order", ("(attn @ v)",)),
]  # fmt: skip
