"""CBAM: attention over channels, then over places."""

import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 6, 3)
        self.fc1, self.fc2 = torch.nn.Linear(6, 3), torch.nn.Linear(3, 6)
        self.spatial = torch.nn.Conv2d(2, 1, 3, padding=1)

    def mlp(self, x):
        return self.fc2(torch.relu(self.fc1(x)))

    def forward(self, x):
        x = self.stem(x)
        avg = self.mlp(x.mean((2, 3)))
        top = self.mlp(x.amax((2, 3)))
        gate = torch.sigmoid(avg + top)
        x = x * gate[:, :, None, None]
        s = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        s = torch.sigmoid(self.spatial(s))
        return x * s


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = linen.Conv(6, (3, 3), padding="VALID", name="stem")(x)
        fc1, fc2 = linen.Dense(3, name="fc1"), linen.Dense(6, name="fc2")
        avg = fc2(linen.relu(fc1(x.mean((1, 2)))))
        top = fc2(linen.relu(fc1(x.max((1, 2)))))
        gate = linen.sigmoid(avg + top)
        x = x * gate[:, None, None]
        s = jnp.concatenate([x.mean(-1, keepdims=True), x.max(-1, keepdims=True)], -1)
        s = linen.sigmoid(linen.Conv(1, (3, 3), padding=1, name="spatial")(s))
        return x * s


SHAPES = ((2, 3, 7, 6),)
FAULTS = [
    ("maximum first", "[x.mean(-1, keepdims=True), x.max(-1, keepdims=True)]", "[x.max(-1, keepdims=True), x.mean(-1, keepdims=True)]", "concat.order", ("torch.cat",)),
    ("a product of the two", "linen.sigmoid(avg + top)", "linen.sigmoid(avg * top)", "operation.other", ("avg + top",)),
    ("sigmoid before the sum", "linen.sigmoid(avg + top)", "linen.sigmoid(avg) + linen.sigmoid(top)", "operation.order", ("avg + top",)),
]  # fmt: skip
