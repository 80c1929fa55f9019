"""PointNet: an MLP for each point, the maximum over points."""

import jax.numpy as jnp
import torch
from flax import linen


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = torch.nn.Linear(3, 6), torch.nn.Linear(6, 8), torch.nn.Linear(11, 4)

    def forward(self, x):
        x = x - x.mean(1, keepdim=True)
        y = torch.relu(self.fc1(x))
        y = self.fc2(y)
        g = y.max(1).values
        y = torch.cat([x, g[:, None].expand(-1, x.shape[1], -1)], -1)
        return self.fc3(y)


class Ours(linen.Module):
    @linen.compact
    def __call__(self, x):
        x = x - x.mean(1, keepdims=True)
        y = linen.relu(linen.Dense(6, name="fc1")(x))
        y = linen.Dense(8, name="fc2")(y)
        g = y.max(1)
        y = jnp.concatenate([x, jnp.broadcast_to(g[:, None], (*x.shape[:2], 8))], -1)
        return linen.Dense(4, name="fc3")(y)


SHAPES = ((2, 6, 3),)
OPTIONS = {"layout": "NCHW"}
FAULTS = [
    ("the mean of the points", "y.max(1)", "y.mean(1)", "reduction.kind", ("y.max(1)",)),
    ("not centred", "        x = x - x.mean(1, keepdims=True)\n", "", "operation.missing|residual.missing", ("x - x.mean", "self.fc1"), ("name=\"fc1\"",)),
    ("the global features first", "[x, jnp.broadcast_to(g[:, None], (*x.shape[:2], 8))]", "[jnp.broadcast_to(g[:, None], (*x.shape[:2], 8)), x]", "concat.order", ("torch.cat",)),
    ("an activation too many", "g = y.max(1)", "g = linen.relu(y).max(1)", "operation.additional", ("y.max(1)", "self.fc2(y)")),
]  # fmt: skip
