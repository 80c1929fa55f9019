"""Padding and order: inside or outside of a layer, fused activations, commuting operations, other nestings."""

import jax
import jax.numpy as jnp
import torch
from flax import linen, nnx

from .port import Lively, Port, give, variables


class TorchCausal(Lively):
    """Pads with `F.pad`."""

    def __init__(self):
        super().__init__(conv1=torch.nn.Conv1d(4, 5, 3), conv2=torch.nn.Conv1d(5, 3, 3, dilation=2))

    def forward(self, x):
        x = torch.relu(self.conv1(torch.nn.functional.pad(x, (2, 0))))
        return self.conv2(torch.nn.functional.pad(x, (4, 0)))


class Causal(linen.Module):
    padding: str = "CAUSAL"

    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(5, (3,), padding=self.padding, name="conv1")(x))
        return linen.Conv(3, (3,), kernel_dilation=2, padding=self.padding, name="conv2")(x)


def causal(state, wrong):
    return Causal("SAME" if wrong else "CAUSAL"), variables(state, {"conv1": "conv1", "conv2": "conv2"})


class TorchPadded(Lively):
    """Pads with layers, the second convolution itself."""

    def __init__(self):
        super().__init__(conv1=torch.nn.Conv2d(3, 4, 3), conv2=torch.nn.Conv2d(4, 3, 3, padding=1))
        self.pad = torch.nn.ZeroPad2d(1)

    def forward(self, x):
        return self.conv2(torch.relu(self.conv1(self.pad(x))))


class Padded(linen.Module):
    """The first convolution pads SAME, the second gets a padded image."""

    mode: str = "constant"

    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.Conv(4, (3, 3), padding="SAME", name="conv1")(x))
        x = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode=self.mode)
        return linen.Conv(3, (3, 3), padding="VALID", name="conv2")(x)


def padded(state, wrong):
    return Padded("edge" if wrong else "constant"), variables(state, {"conv1": "conv1", "conv2": "conv2"})


class TorchBlocks(Lively):
    """relu, then max pooling; a + b; a scaled output."""

    def __init__(self):
        super().__init__(
            conv1=torch.nn.Conv2d(3, 4, 3, padding=1),
            conv2=torch.nn.Conv2d(4, 4, 3, padding=1),
            head=torch.nn.Conv2d(4, 3, 1),
        )
        self.relu, self.pool = torch.nn.ReLU(), torch.nn.MaxPool2d(2)

    def forward(self, x):
        x = self.pool(self.relu(self.conv1(x)))
        return self.head(x + self.relu(self.conv2(x))) * 0.5


class ConvRelu(nnx.Module):
    """A convolution with its activation."""

    def __init__(self, inputs, outputs, state, path, activation=jax.nn.relu):
        self.conv = nnx.Conv(inputs, outputs, (3, 3), rngs=nnx.Rngs(0))
        self.activation = activation
        give(self, state, conv=path)

    def __call__(self, x):
        return self.activation(self.conv(x))


class Fused(nnx.Module):
    """Activations inside of the layers."""

    def __init__(self, state, wrong):
        self.conv1 = ConvRelu(3, 4, state, "conv1")
        self.conv2 = ConvRelu(4, 4, state, "conv2", jax.nn.silu if wrong else jax.nn.relu)
        self.head = nnx.Conv(4, 3, (1, 1), rngs=nnx.Rngs(0))
        give(self, state, head="head")

    def __call__(self, x):
        x = nnx.max_pool(self.conv1(x), (2, 2), (2, 2))
        return self.head(x + self.conv2(x)) * 0.5


class FusedConv(nnx.Conv):
    """A convolution whose call ends with the activation."""

    def __call__(self, inputs):
        return jax.nn.relu(super().__call__(inputs))


class FusedInside(nnx.Module):
    """The activation is part of the layer that has torch's name."""

    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        self.conv1 = (nnx.Conv if wrong else FusedConv)(3, 4, (3, 3), rngs=rngs)
        self.conv2, self.head = FusedConv(4, 4, (3, 3), rngs=rngs), nnx.Conv(4, 3, (1, 1), rngs=rngs)
        give(self, state, conv1="conv1", conv2="conv2", head="head")

    def __call__(self, x):
        x = nnx.max_pool(self.conv1(x), (2, 2), (2, 2))
        return self.head(x + self.conv2(x)) * 0.5


class Commuted(linen.Module):
    """Max pooling, then relu; b + a; the scale in front of the last layer and on its bias."""

    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        x = linen.relu(linen.max_pool(linen.Conv(4, (3, 3), name="conv1")(x), (2, 2), (2, 2)))
        x = linen.relu(linen.Conv(4, (3, 3), name="conv2")(x)) + x
        y = linen.Conv(3, (1, 1), name="head")(x)
        return y if self.wrong else 0.5 * y


BLOCKS = {"conv1": "conv1", "conv2": "conv2", "head": "head"}


def commuted(state, wrong):
    return Commuted(wrong), variables(state, BLOCKS)


class TorchNested(Lively):
    """Sequentials in Sequentials, an Identity, and dropout that the Flax network does not have."""

    def __init__(self):
        nn = torch.nn
        super().__init__(
            features=nn.Sequential(
                nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
                nn.Identity(),
                nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
            ),
            classifier=nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3)),
        )

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


NESTED = {
    "layers_0": "features.0.0",
    "layers_1": "features.0.1",
    "layers_3": "features.2.0",
    "layers_4": "features.2.1",
    "layers_7": "classifier.1",
}


def nested(state, wrong):
    def norm():
        return linen.BatchNorm(use_running_average=True, epsilon=1e-3 if wrong else 1e-5)

    net = linen.Sequential(
        [
            linen.Conv(4, (3, 3)), norm(), linen.relu,
            linen.Conv(4, (3, 3)), norm(), linen.relu,
            lambda x: x.mean((1, 2)), linen.Dense(3),
        ]
    )  # fmt: skip
    return net, variables(state, NESTED)


class TorchBare(Lively):
    def __init__(self):
        super().__init__(fc1=torch.nn.Linear(6, 5), fc2=torch.nn.Linear(5, 4))

    def forward(self, x):
        return self.fc2(torch.nn.functional.elu(self.fc1(x)))


class WithDropout(nnx.Module):
    """Dropout on this side only, switched off."""

    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        self.fc1, self.fc2 = nnx.Linear(6, 5, rngs=rngs), nnx.Linear(5, 4, rngs=rngs)
        self.drop = nnx.Dropout(0.5, rngs=rngs)
        self.activation = jax.nn.selu if wrong else jax.nn.elu
        give(self, state, fc1="fc1", fc2="fc2")
        self.eval()

    def __call__(self, x):
        return self.fc2(self.drop(self.activation(self.fc1(x))))


PORTS = [
    Port("CAUSAL beside F.pad", TorchCausal, causal, ((2, 4, 9),), last=True),
    Port("SAME beside ZeroPad2d, jnp.pad beside padding", TorchPadded, padded, last=True),
    Port("blocks with their activation", TorchBlocks, Fused, last=True),
    Port("layers with their activation", TorchBlocks, FusedInside, last=True),
    Port("commuting operations in another order", TorchBlocks, commuted, last=True),
    Port("another nesting, no Identity, no dropout", TorchNested, nested, last=True),
    Port("dropout on the Flax side only", TorchBare, WithDropout, ((4, 6),)),
]
