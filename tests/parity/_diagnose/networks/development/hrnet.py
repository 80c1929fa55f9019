"""HRNet's exchange between two resolutions."""

import jax
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv
from jaxconv import functional as F


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.high = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.low = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.reduce = torch.nn.Conv2d(6, 4, 1)
        self.down = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)

    def forward(self, x):
        h = torch.relu(self.high(x))
        low = torch.relu(self.low(h))
        up = TF.interpolate(self.reduce(low), size=h.shape[2:], mode="bilinear", align_corners=False)
        h2 = torch.relu(h + up)
        l2 = torch.relu(low + self.down(h))
        return h2, l2


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.high = jaxconv.Conv2d(3, 4, 3, padding=1, rngs=rngs)
        self.low = jaxconv.Conv2d(4, 6, 3, stride=2, padding=1, rngs=rngs)
        self.reduce = jaxconv.Conv2d(6, 4, 1, rngs=rngs)
        self.down = jaxconv.Conv2d(4, 6, 3, stride=2, padding=1, rngs=rngs)

    def __call__(self, x):
        h = jax.nn.relu(self.high(x))
        low = jax.nn.relu(self.low(h))
        up = F.interpolate(self.reduce(low), size=h.shape[2:], mode="bilinear", align_corners=False)
        h2 = jax.nn.relu(h + up)
        l2 = jax.nn.relu(low + self.down(h))
        return h2, l2


SHAPES = ((2, 3, 8, 6),)
FAULTS = [
    ("corners aligned", "align_corners=False)", "align_corners=True)", "resize.align_corners", ("TF.interpolate",)),
    ("the low map of the new high map", "self.down(h))", "self.down(h2))", "operand.other", ("self.down(h)",)),
    ("no activation of the sum", "h2 = jax.nn.relu(h + up)", "h2 = h + up", "activation.missing", ("h2 = ",)),
]  # fmt: skip
