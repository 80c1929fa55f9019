"""Calling conventions: modes as arguments, automatic names, orders of call, shared layers."""

import jax
import jax.numpy as jnp
import torch
from flax import linen, nnx

from .port import Lively, Port, give, variables


class TorchNormed(Lively):
    def __init__(self):
        super().__init__(
            conv=torch.nn.Conv2d(3, 6, 3, padding=1),
            bn=torch.nn.BatchNorm2d(6),
            head=torch.nn.Conv2d(6, 4, 1),
        )
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.head(self.drop(torch.relu(self.bn(self.conv(x)))))


NORMED = {"Conv_0": "conv", "BatchNorm_0": "bn", "Conv_1": "head"}


class Trained(linen.Module):
    """`train` is True unless the caller says otherwise."""

    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x, train: bool = True):
        x = linen.Conv(6, (3, 3))(x)
        x = linen.relu(linen.BatchNorm(use_running_average=not train, epsilon=self.epsilon)(x))
        return linen.Conv(4, (1, 1))(linen.Dropout(0.5, deterministic=not train)(x))


class AtCall(linen.Module):
    """`use_running_average` is passed where the layer is called."""

    epsilon: float = 1e-5

    @linen.compact
    def __call__(self, x, train: bool = False):
        x = linen.Conv(6, (3, 3))(x)
        x = linen.BatchNorm(epsilon=self.epsilon)(x, use_running_average=not train)
        return linen.Conv(4, (1, 1))(linen.Dropout(0.5)(linen.relu(x), deterministic=not train))


class NnxAtCall(nnx.Module):
    def __init__(self, state, wrong):
        rngs = nnx.Rngs(0)
        self.conv = nnx.Conv(3, 6, (3, 3), rngs=rngs)
        self.bn = nnx.BatchNorm(6, epsilon=1e-3 if wrong else 1e-5, rngs=rngs)
        self.head = nnx.Conv(6, 4, (1, 1), rngs=rngs)
        give(self, state, conv="conv", bn="bn", head="head")

    def __call__(self, x):
        return self.head(jax.nn.relu(self.bn(self.conv(x), use_running_average=True)))


def normed(kind):
    return lambda state, wrong: (kind(1e-3 if wrong else 1e-5), variables(state, NORMED))


def function(state, wrong):
    """A plain function that hides the Linen module's mode."""
    module = Trained(1e-3 if wrong else 1e-5)
    return (lambda held, x: module.apply(held, x, train=False)), variables(state, NORMED)


def function_with_train(state, wrong):
    module = Trained(1e-3 if wrong else 1e-5)

    def apply(held, x, train=True):
        return module.apply(held, x, train=train)

    return apply, variables(state, NORMED)


class TorchDropped(Lively):
    def __init__(self):
        super().__init__(fc1=torch.nn.Linear(6, 8), fc2=torch.nn.Linear(8, 4))
        self.drop = torch.nn.Dropout(0.1)

    def forward(self, x):
        return self.fc2(self.drop(torch.nn.functional.gelu(self.fc1(x))))


class Dropped(linen.Module):
    approximate: bool = False

    @linen.compact
    def __call__(self, x, deterministic: bool):
        x = linen.gelu(linen.Dense(8)(x), approximate=self.approximate)
        return linen.Dense(4)(linen.Dropout(0.1)(x, deterministic=deterministic))


class DroppedUnlessTold(Dropped):
    @linen.compact
    def __call__(self, x, *, deterministic: bool = False):
        x = linen.gelu(linen.Dense(8)(x), approximate=self.approximate)
        return linen.Dense(4)(linen.Dropout(0.1, deterministic=deterministic)(x))


def dropped(kind):
    return lambda state, wrong: (kind(wrong), variables(state, {"Dense_0": "fc1", "Dense_1": "fc2"}))


class TorchBackward(Lively):
    """Defined in another order than called."""

    def __init__(self):
        super().__init__(
            **{name: torch.nn.Conv2d(3, 3, 3, padding=1) for name in ("last", "second", "first")}
        )

    def forward(self, x):
        return self.last(torch.tanh(self.second(torch.relu(self.first(x)))))


class Backward(linen.Module):
    """Automatic names, given where layers are made: in the order of torch's definitions, not of the calls."""

    activation: object = linen.tanh

    @linen.compact
    def __call__(self, x):
        last, second, first = (linen.Conv(3, (3, 3)) for _ in range(3))
        return last(self.activation(second(linen.relu(first(x)))))


def backward(state, wrong):
    names = {"Conv_0": "last", "Conv_1": "second", "Conv_2": "first"}
    return Backward(linen.relu if wrong else linen.tanh), variables(state, names)


class TorchResidual(Lively):
    def __init__(self):
        super().__init__(
            conv1=torch.nn.Conv2d(3, 4, 3, padding=1),
            conv2=torch.nn.Conv2d(4, 4, 3, padding=1),
            conv3=torch.nn.Conv2d(4, 4, 3, padding=1),
            proj=torch.nn.Conv2d(4, 4, 3, padding=1),
        )

    def forward(self, x):
        x = self.conv1(x)
        return torch.relu(self.conv3(torch.relu(self.conv2(x))) + self.proj(x))


class Residual(linen.Module):
    """Computes the projection first."""

    wrong: bool = False

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(4, (3, 3))(x)
        residual = linen.Conv(4, (3, 3))(x)
        x = linen.Conv(4, (3, 3))(x)
        x = linen.Conv(4, (3, 3))(x if self.wrong else linen.relu(x))
        return linen.relu(x + residual)


RESIDUAL = {"Conv_0": "conv1", "Conv_1": "proj", "Conv_2": "conv2", "Conv_3": "conv3"}


def residual(state, wrong):
    return Residual(wrong), variables(state, RESIDUAL)


class TorchShared(Lively):
    def __init__(self):
        super().__init__(stem=torch.nn.Linear(6, 5), block=torch.nn.Linear(5, 5))

    def forward(self, x):
        x = torch.tanh(self.stem(x))
        return self.block(torch.tanh(self.block(x)))


class Shared(linen.Module):
    times: int = 2

    def setup(self):
        self.dense = [linen.Dense(5), linen.Dense(5)]

    def __call__(self, x):
        x = self.dense[0](x)
        for _ in range(self.times):
            x = self.dense[1](jnp.tanh(x))
        return x


def shared(state, wrong):
    return Shared(1 if wrong else 2), variables(state, {"dense_0": "stem", "dense_1": "block"})


EVAL = {"train": False}
PORTS = [
    Port("train=True by default", TorchNormed, normed(Trained), call=EVAL, last=True),
    Port("use_running_average at call, Linen", TorchNormed, normed(AtCall), last=True),
    Port("use_running_average at call, NNX", TorchNormed, NnxAtCall, last=True),
    Port("function around a Linen module", TorchNormed, function, last=True, options={"layout": "NHWC"}),
    Port("function that takes train", TorchNormed, function_with_train, call=EVAL, last=True, options={"layout": "NHWC"}),
    Port("required argument deterministic", TorchDropped, dropped(Dropped), ((5, 6),), call={"deterministic": True}),
    Port("deterministic=False by default", TorchDropped, dropped(DroppedUnlessTold), ((5, 6),), call={"deterministic": True}),
    Port("automatic names in another order than the calls", TorchBackward, backward, last=True),
    Port("projection computed first", TorchResidual, residual, last=True),
    Port(
        "projection computed first, mapping",
        TorchResidual,
        residual,
        last=True,
        options={"mapping": {path: name for name, path in RESIDUAL.items()}},
    ),
    Port("layer called twice", TorchShared, shared, ((4, 6),)),
]  # fmt: skip
