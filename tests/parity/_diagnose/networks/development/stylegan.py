"""A convolution modulated by a style, demodulated, with noise."""

import math

import jax
import torch
from torch.nn import functional as TF


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.style = torch.nn.Linear(4, 3)
        self.weight = torch.nn.Parameter(torch.randn(5, 3, 3, 3))
        self.noise = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, z, n):
        s = 1 + self.style(z)
        w = self.weight[None] * s[:, None, :, None, None]
        d = torch.rsqrt((w**2).sum((2, 3, 4), keepdim=True) + 1e-3)
        w = w * d
        y = TF.conv2d(x.reshape(1, -1, *x.shape[2:]), w.flatten(0, 1), padding=1, groups=len(x))
        y = y.view(len(x), 5, *x.shape[2:])
        y = y + self.noise * n
        return TF.leaky_relu(y, 0.2) * math.sqrt(2)


def ours(p, x, z, n):
    s = 1 + (z @ p["style"]["weight"].T + p["style"]["bias"])
    w = p["weight"][None] * s[:, None, :, None, None]
    d = jax.lax.rsqrt((w**2).sum((2, 3, 4), keepdims=True) + 1e-3)
    w = w * d
    conv = lambda x, w: jax.lax.conv_general_dilated(x[None], w, (1, 1), ((1, 1), (1, 1)))[0]
    y = jax.vmap(conv)(x, w)
    y = y + p["noise"] * n
    return jax.nn.leaky_relu(y, 0.2) * math.sqrt(2)


SHAPES = ((2, 3, 4, 5), (2, 4), (2, 1, 4, 5))
FAULTS = [
    ("demodulated for each input", "sum((2, 3, 4), keepdims", "sum((1, 3, 4), keepdims", "reduction.axis", ("torch.rsqrt",)),
    ("the gain left out", " * math.sqrt(2)", "", "scale.missing|factor.value", ("math.sqrt(2)",)),
    ("a style without one", "s = 1 + (z", "s = (z", "offset.value|residual.missing", ("s = 1 +",)),
    ("the noise of the style's size", "p[\"noise\"] * n", "n", "scale.missing", ("self.noise * n",)),
]  # fmt: skip
