"""A network and its ports, one fault each, made by functions without arguments: what `parity.reduce` makes smaller."""

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import linen, nnx

import jaxconv


class Block(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(4, 4, 3, padding=1)
        self.norm = torch.nn.BatchNorm2d(4)

    def forward(self, x):
        return x + 0.5 * torch.relu(self.norm(self.conv(x)))


class Theirs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.body = torch.nn.Sequential(Block(), Block())
        self.head = torch.nn.Linear(4, 5)

    def forward(self, x):
        return self.head(self.body(torch.relu(self.stem(x))).mean((2, 3)))


@jax.custom_vjp
def doubled(x):
    """The identity, whose gradient is twice what it should be."""
    return x


doubled.defvjp(lambda x: (x, None), lambda _, ct: (2 * ct,))


class OurBlock(nnx.Module):
    def __init__(self, rngs, factor=0.5, mode="zeros", between=lambda x: x):
        self.conv = jaxconv.Conv2d(4, 4, 3, padding=1, padding_mode=mode, rngs=rngs)
        self.norm = jaxconv.BatchNorm2d(4, rngs=rngs)
        self.factor, self.between = factor, between

    def __call__(self, x):
        return x + self.factor * jax.nn.relu(self.norm(self.between(self.conv(x))))


class Ours(nnx.Module):
    def __init__(self, factor=1.0, **wrong):
        rngs = nnx.Rngs(0)
        self.stem = jaxconv.Conv2d(3, 4, 3, stride=2, padding=1, rngs=rngs)
        self.body = nnx.List([OurBlock(rngs), OurBlock(rngs, **wrong)])
        self.head = jaxconv.Linear(4, 5, rngs=rngs)
        self.factor = factor

    def __call__(self, x):
        x = jax.nn.relu(self.stem(x))
        for block in self.body:
            x = block(x)
        return self.head(self.factor * x.mean((2, 3)))


def in_layer():
    return Ours(mode="circular")


def in_block():
    return Ours(factor=1.0, between=jnp.abs)


def in_backward():
    return Ours(between=doubled)


def at_the_end():
    return Ours(factor=2.0)


class LinenBlock(linen.Module):
    factor: float = 0.5
    padding: int = 1

    @linen.compact
    def __call__(self, x, train):
        y = linen.Conv(4, (3, 3), padding=self.padding, name="conv")(x)
        if self.padding != 1:
            y = y[:, 1:-1, 1:-1]
        y = linen.BatchNorm(use_running_average=not train, momentum=0.9, epsilon=1e-5, name="norm")(y)
        return x + self.factor * linen.relu(y)


class LinenNet(linen.Module):
    eps: float = 1e-5
    factor: float = 0.5

    @linen.compact
    def __call__(self, x, train):
        x = linen.relu(linen.Conv(4, (3, 3), strides=2, padding=1, name="stem")(x))
        x = LinenBlock(name="body_0")(x, train)
        x = LinenBlock(self.factor, name="body_1")(x, train)
        x = linen.LayerNorm(epsilon=self.eps, name="norm")(x.mean((1, 2)))
        return linen.Dense(5, name="head")(x)


class TheirsNorm(Theirs):
    def __init__(self):
        super().__init__()
        self.norm = torch.nn.LayerNorm(4)

    def forward(self, x):
        return self.head(self.norm(self.body(torch.relu(self.stem(x))).mean((2, 3))))


def _linen(**wrong):
    module = LinenNet(**wrong)
    return module, module.init(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32), False)


def linen_layer():
    return _linen(eps=1e-2)


def linen_block():
    return _linen(factor=0.25)


def linen_right():
    return _linen()
