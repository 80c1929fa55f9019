"""A user's file: a strict type checker finds every type of jaxconv and parity that it uses, and nothing wrong."""

from typing import assert_type

import jax
import numpy as np
import torch
from flax import linen, nnx

import jaxconv
import jaxconv.functional as F
import parity
from jaxconv import init, surgery


class Network(nnx.Module):
    """Layers of every kind."""

    def __init__(self, channels: int, *, rngs: nnx.Rngs):
        self.conv = jaxconv.Conv2d(3, channels, 3, padding="same", padding_mode="circular", rngs=rngs)
        self.norm = jaxconv.BatchNorm2d(channels)
        self.act = jaxconv.ReLU()
        self.pool = jaxconv.MaxPool2d(2)
        self.up = jaxconv.ConvTranspose2d(channels, channels, 2, stride=2, rngs=rngs)
        self.resize = jaxconv.Upsample(scale_factor=2, mode="bilinear")
        self.drop = jaxconv.Dropout(0.1, rngs=rngs)
        self.shape = jaxconv.AdaptiveAvgPool2d((1, None))
        self.lines = jaxconv.LSTM(channels, 8, batch_first=True, rngs=rngs)
        self.head = jaxconv.Linear(8, 10, weight_init=init.zeros(), rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.act(self.norm(self.conv(x)))
        x = self.drop(self.resize(self.up(self.pool(x))))
        x, (h, c) = self.lines(self.shape(x)[:, :, 0].swapaxes(1, 2))
        assert_type(h, jax.Array)
        assert_type(c, jax.Array)
        return self.head(x[:, -1])


rngs = nnx.Rngs(0)
images = jax.random.normal(jax.random.key(0), (2, 3, 8, 8))
row = jax.random.normal(jax.random.key(1), (2, 3))
network = Network(4, rngs=rngs)
assert_type(network(images), jax.Array)

pool = jaxconv.MaxPool2d(2, return_indices=True)
pooled, indices = pool(images)
assert_type(indices, jax.Array)
assert_type(jaxconv.MaxUnpool2d(2)(pooled, indices), jax.Array)
assert_type(jaxconv.GRU(3, 4, rngs=rngs)(images[0]), tuple[jax.Array, jax.Array])
assert_type(jaxconv.LSTMCell(3, 4, rngs=rngs)(row), tuple[jax.Array, jax.Array])
assert_type(jaxconv.Embedding(5, 3, padding_idx=0, rngs=rngs)(np.array([1, 2])), jax.Array)
assert_type(jaxconv.CrossEntropyLoss(label_smoothing=0.1)(row, np.array([0, 2])), jax.Array)
assert_type(jaxconv.GELU("tanh")(images), jax.Array)

conv = network.conv
assert_type(conv.weight, nnx.Variable[jax.Array])
assert_type(conv.bias, nnx.Variable[jax.Array] | None)
assert_type(conv.groups, int)

assert_type(F.conv2d(images, conv.weight, conv.bias, padding="same"), jax.Array)
assert_type(F.max_pool2d(images, 2), jax.Array)
assert_type(F.max_pool2d(images, 2, return_indices=True), tuple[jax.Array, jax.Array])
assert_type(F.interpolate(images, size=(4, 4), mode="bilinear"), jax.Array)
assert_type(F.pad(images, (1, 1), mode="reflect"), jax.Array)
assert_type(F.softmax(images, dim=1), jax.Array)
assert_type(F.mse_loss(images, images, reduction="sum"), jax.Array)
assert_type(F.batch_norm_with_stats(images, None, None, training=True).output, jax.Array)

module = jaxconv.linen.Conv2d(3, 4, 3)
assert_type(module(images), jax.Array)
stack: linen.Module = jaxconv.linen.Sequential(module, jaxconv.linen.ReLU())

weights = jaxconv.state_dict(network)
network = jaxconv.load_state_dict(network, weights)
assert_type(network, Network)
assert_type(surgery.zeros(network, "conv.*"), Network)
assert_type(jaxconv.fuse_conv_bn(network), Network)
assert_type(jaxconv.kernels().instruction_set, str | None)
jaxconv.save_file(weights, "network.safetensors")
weights = jaxconv.load_file("network.safetensors")
report = parity.check(torch.nn.Conv2d(3, 4, 3), conv, images)
assert_type(report.ok, bool)
