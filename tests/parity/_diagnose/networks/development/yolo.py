"""A detector's head: centres, sizes, scores."""

import jax
import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Conv2d(3, 7, 1)
        self.register_buffer("anchor", torch.tensor([1.5, 0.7]))

    def forward(self, x):
        y = self.head(x)
        y = y.permute(0, 2, 3, 1)
        h, w = y.shape[1:3]
        rows, cols = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        grid = torch.stack([cols, rows], -1)
        xy = (torch.sigmoid(y[..., :2]) + grid) / w
        wh = torch.exp(y[..., 2:4]) * self.anchor
        score = torch.sigmoid(y[..., 4:5]) * torch.softmax(y[..., 5:], -1)
        return torch.cat([xy, wh, score], -1)


def ours(p, x):
    y = jnp.einsum("oi,bihw->bohw", p["head"]["weight"][..., 0, 0], x) + p["head"]["bias"][:, None, None]
    y = y.transpose(0, 2, 3, 1)
    h, w = y.shape[1:3]
    rows, cols = jnp.meshgrid(jnp.arange(h), jnp.arange(w), indexing="ij")
    grid = jnp.stack([cols, rows], -1)
    xy = (jax.nn.sigmoid(y[..., :2]) + grid) / w
    wh = jnp.exp(y[..., 2:4]) * p["anchor"]
    score = jax.nn.sigmoid(y[..., 4:5]) * jax.nn.softmax(y[..., 5:], -1)
    return jnp.concatenate([xy, wh, score], -1)


SHAPES = ((2, 3, 4, 5),)
FAULTS = [
    ("rows first", "jnp.stack([cols, rows], -1)", "jnp.stack([rows, cols], -1)", "operand.other|concat.order", ("xy =", "grid ="), ("xy =",)),
    ("sizes without their exponent", "jnp.exp(y[..., 2:4])", "y[..., 2:4]", "operation.missing|activation.missing", ("wh =",)),
    ("the scores of the wrong part", "jax.nn.sigmoid(y[..., 4:5])", "jax.nn.sigmoid(y[..., 5:6])", "slice.other", ("score =",)),
    ("sizes before centres", "[xy, wh, score]", "[wh, xy, score]", "concat.order", ("torch.cat",)),
]  # fmt: skip
