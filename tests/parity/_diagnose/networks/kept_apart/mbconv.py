"""EfficientNet's MBConv with squeeze and excitation."""

import torch
from flax import linen
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.expand, self.bn0 = torch.nn.Conv2d(4, 8, 1, bias=False), torch.nn.BatchNorm2d(8, eps=1e-3)
        self.dw = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.reduce, self.excite = torch.nn.Conv2d(8, 2, 1), torch.nn.Conv2d(2, 8, 1)
        self.project = torch.nn.Conv2d(8, 4, 1, bias=False)

    def forward(self, x):
        y = TF.silu(self.bn0(self.expand(x)))
        y = TF.silu(self.dw(y))
        s = TF.adaptive_avg_pool2d(y, 1)
        s = self.excite(TF.silu(self.reduce(s)))
        y = torch.sigmoid(s) * y
        y = self.project(y)
        return x + y


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        y = linen.Conv(8, (1, 1), use_bias=False, name="expand")(x)
        y = linen.silu(linen.BatchNorm(True, epsilon=1e-3, name="bn0")(y))
        y = linen.Conv(8, (3, 3), padding=1, feature_group_count=8, use_bias=False, name="dw")(y)
        y = linen.silu(y)
        s = y.mean((1, 2), keepdims=True)
        s = linen.silu(linen.Conv(2, (1, 1), name="reduce")(s))
        s = linen.Conv(8, (1, 1), name="excite")(s)
        y = linen.sigmoid(s) * y
        y = linen.Conv(4, (1, 1), use_bias=False, name="project")(y)
        return x + y


SHAPES = ((2, 4, 6, 5),)
FAULTS = [
    ("relu in the squeeze", "linen.silu(linen.Conv(2, (1, 1), name=\"reduce\")(s))", "linen.relu(linen.Conv(2, (1, 1), name=\"reduce\")(s))", "activation.other", ("self.reduce(s)",)),
    ("Flax's epsilon", "epsilon=1e-3, name", "epsilon=1e-5, name", "norm.epsilon", ("self.bn0(", "self.bn0 =")),
    ("a softmax of the gates", "linen.sigmoid(s) * y", "linen.softmax(s) * y", "activation.other", ("torch.sigmoid(s)",)),
]  # fmt: skip
