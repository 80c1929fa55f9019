"""MLP-Mixer: over tokens, then over channels."""

import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Conv2d(3, 6, 2, stride=2)
        self.ln1, self.ln2 = torch.nn.LayerNorm(6), torch.nn.LayerNorm(6)
        self.t1, self.t2 = torch.nn.Linear(6, 10), torch.nn.Linear(10, 6)
        self.c1, self.c2 = torch.nn.Linear(6, 9), torch.nn.Linear(9, 6)
        self.head = torch.nn.Linear(6, 4)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        y = self.ln1(x).transpose(1, 2)
        y = self.t2(TF.gelu(self.t1(y)))
        x = x + y.transpose(1, 2)
        y = self.ln2(x)
        y = self.c2(TF.gelu(self.c1(y)))
        x = x + y
        return self.head(x.mean(1))


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(6, (2, 2), strides=2, padding="VALID", name="embed")(x)
        x = x.reshape(x.shape[0], -1, 6)
        y = linen.LayerNorm(epsilon=1e-5, name="ln1")(x).swapaxes(1, 2)
        y = linen.gelu(linen.Dense(10, name="t1")(y), approximate=False)
        y = linen.Dense(6, name="t2")(y)
        x = x + y.swapaxes(1, 2)
        y = linen.LayerNorm(epsilon=1e-5, name="ln2")(x)
        y = linen.gelu(linen.Dense(9, name="c1")(y), approximate=False)
        y = linen.Dense(6, name="c2")(y)
        x = x + y
        return linen.Dense(4, name="head")(x.mean(1))


SHAPES = ((2, 3, 4, 6),)
FAULTS = [
    ("not turned back", "x = x + y.swapaxes(1, 2)", "x = x + y", "reshape.order|operation.missing", ("x + y.transpose",)),
    ("tokens not turned", "name=\"ln1\")(x).swapaxes(1, 2)", "name=\"ln1\")(x)", "reshape.order|operation.missing", ("self.ln1(x)", "self.t1(y)"), ("name=\"t1\"",)),
    ("the norm of the block's input", "name=\"ln2\")(x)", "name=\"ln2\")(y)", "operand.other", ("self.ln2(x)",)),
    ("the sum over tokens", "(x.mean(1))", "(x.sum(1))", "reduction.kind|factor.value", ("x.mean(1)",)),
]  # fmt: skip
