"""A feature pyramid: lateral convolutions, upsampling from the top."""

import jax
import torch
from flax import nnx
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.c2 = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1)
        self.l1, self.l2 = torch.nn.Conv2d(4, 5, 1), torch.nn.Conv2d(6, 5, 1)
        self.smooth = torch.nn.Conv2d(5, 5, 3, padding=1)

    def forward(self, x):
        f1 = torch.relu(self.c1(x))
        f2 = torch.relu(self.c2(f1))
        p2 = self.l2(f2)
        up = TF.interpolate(p2, scale_factor=2, mode="nearest")
        p1 = self.l1(f1) + up
        p1 = self.smooth(p1)
        return p1, p2


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.c1 = nnx.Conv(3, 4, (3, 3), strides=2, padding=1, rngs=rngs)
        self.c2 = nnx.Conv(4, 6, (3, 3), strides=2, padding=1, rngs=rngs)
        self.l1, self.l2 = nnx.Conv(4, 5, (1, 1), rngs=rngs), nnx.Conv(6, 5, (1, 1), rngs=rngs)
        self.smooth = nnx.Conv(5, 5, (3, 3), padding=1, rngs=rngs)

    def __call__(self, x):
        f1 = jax.nn.relu(self.c1(x))
        f2 = jax.nn.relu(self.c2(f1))
        p2 = self.l2(f2)
        b, h, w, c = p2.shape
        up = jax.image.resize(p2, (b, 2 * h, 2 * w, c), "nearest")
        p1 = self.l1(f1) + up
        p1 = self.smooth(p1)
        return p1, p2


SHAPES = ((2, 3, 8, 12),)
FAULTS = [
    ("bilinear for nearest", "2 * w, c), \"nearest\")", "2 * w, c), \"bilinear\")", "resize.mode", ("TF.interpolate",)),
    ("the lateral map left out", "p1 = self.l1(f1) + up", "p1 = 0 * self.l1(f1) + up", "residual.missing", ("self.l1(f1) +",)),
    ("the top after activation", "p2 = self.l2(f2)", "p2 = jax.nn.relu(self.l2(f2))", "operation.additional", ("self.l2(f2)", "TF.interpolate", "return p1, p2"), ("return p1, p2", "jax.image.resize")),
]  # fmt: skip
