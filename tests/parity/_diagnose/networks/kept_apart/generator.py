"""DCGAN's generator: a dense layer, two transposed convolutions, tanh."""

import jax
import jax.numpy as jnp
import torch
from flax import nnx
from torch.nn import functional as TF

import jaxconv


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(5, 8 * 3 * 2)
        self.bn = torch.nn.BatchNorm2d(8)
        self.up1 = torch.nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1)
        self.up2 = torch.nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1)

    def forward(self, z):
        x = self.fc(z)
        x = x.view(-1, 8, 3, 2)
        x = TF.leaky_relu(self.bn(x), 0.2)
        x = TF.leaky_relu(self.up1(x), 0.2)
        x = self.up2(x)
        return torch.tanh(x)


class Ours(nnx.Module):
    def __init__(self, *, rngs):
        self.fc = jaxconv.Linear(5, 48, rngs=rngs)
        self.bn = jaxconv.BatchNorm2d(8)
        self.up1 = jaxconv.ConvTranspose2d(8, 4, 4, stride=2, padding=1, rngs=rngs)
        self.up2 = jaxconv.ConvTranspose2d(4, 3, 4, stride=2, padding=1, rngs=rngs)

    def __call__(self, z):
        x = self.fc(z)
        x = x.reshape(-1, 8, 3, 2)
        x = jax.nn.leaky_relu(self.bn(x), 0.2)
        x = jax.nn.leaky_relu(self.up1(x), 0.2)
        x = self.up2(x)
        return jnp.tanh(x)


SHAPES = ((3, 5),)
FAULTS = [
    ("reshaped channels last", "x.reshape(-1, 8, 3, 2)", "x.reshape(-1, 3, 2, 8).transpose(0, 3, 1, 2)", "reshape.order|flatten.order", ("x.view", "self.bn(x)"), ("self.bn(x)",)),
    ("the slope by default", "self.up1(x), 0.2", "self.up1(x)", "leaky_relu.slope", ("self.up1(x)",)),
    ("sigmoid at the end", "jnp.tanh(x)", "jax.nn.sigmoid(x)", "activation.other", ("torch.tanh",)),
]  # fmt: skip
