"""A spatial transformer: an affine grid and bilinear sampling, written out."""

import jax.numpy as jnp
import torch


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.loc = torch.nn.Linear(3, 6)
        self.conv = torch.nn.Conv2d(3, 2, 1)

    def forward(self, x):
        theta = 0.3 * self.loc(x.mean((2, 3)))
        theta = theta.view(-1, 2, 3)
        rows = torch.linspace(-1, 1, 4)
        ys, xs = torch.meshgrid(rows, rows, indexing="ij")
        grid = torch.stack([xs, ys, torch.ones(4, 4)], -1)
        points = torch.einsum("hwk,bjk->bhwj", grid, theta)
        points = torch.tanh(points)
        far = (points**2).sum(-1, keepdim=True)
        w = torch.exp(-far)
        return self.conv(x) * w.permute(0, 3, 1, 2)


def ours(p, x):
    theta = 0.3 * (x.mean((2, 3)) @ p["loc"]["weight"].T + p["loc"]["bias"])
    theta = theta.reshape(-1, 2, 3)
    rows = jnp.linspace(-1, 1, 4, dtype=x.dtype)
    ys, xs = jnp.meshgrid(rows, rows, indexing="ij")
    grid = jnp.stack([xs, ys, jnp.ones((4, 4), x.dtype)], -1)
    points = jnp.einsum("hwk,bjk->bhwj", grid, theta)
    points = jnp.tanh(points)
    far = (points**2).sum(-1, keepdims=True)
    w = jnp.exp(-far)
    y = jnp.einsum("oi,bihw->bohw", p["conv"]["weight"][..., 0, 0], x) + p["conv"]["bias"][:, None, None]
    return y * w.transpose(0, 3, 1, 2)


SHAPES = ((2, 3, 4, 4),)
FAULTS = [
    ("x and y exchanged in the grid", "jnp.stack([xs, ys,", "jnp.stack([ys, xs,", "operand.other|concat.order", ("torch.einsum", "torch.stack", "meshgrid"), ("jnp.einsum(\"hwk",)),
    ("another form of theta", "theta.reshape(-1, 2, 3)", "theta.reshape(-1, 3, 2).swapaxes(1, 2)", "reshape.order", ("theta.view", "torch.einsum"), ("jnp.einsum(\"hwk",)),
    ("the distance, not its square", "w = jnp.exp(-far)", "w = jnp.exp(-jnp.sqrt(far))", "operation.additional", ("torch.exp(-far)", "points**2")),
    ("a sign in the exponent", "w = jnp.exp(-far)", "w = jnp.exp(far)", "factor.value|operation.missing", ("torch.exp(-far)",)),
]  # fmt: skip
