"""Layouts: channels last in the Flax network, transposed by the network itself or at its border."""

import jax
import numpy as np
import torch
from flax import linen, nnx

from .port import Lively, Port, enlivened, give, kernel, layer, variables, write

RNGS = nnx.Rngs(0)


class TorchImage(Lively):
    def __init__(self):
        super().__init__(
            conv1=torch.nn.Conv2d(3, 6, 3, padding=1),
            bn=torch.nn.BatchNorm2d(6),
            conv2=torch.nn.Conv2d(6, 5, 3, stride=2, padding=1),
        )

    def forward(self, x):
        return self.conv2(torch.relu(self.bn(self.conv1(x))))


class Image(nnx.Module):
    """Takes NCHW and transposes it itself, unless it `is_last` already."""

    def __init__(self, state, wrong, is_last):
        self.is_last = is_last
        self.conv1 = nnx.Conv(3, 6, (3, 3), padding=1, rngs=RNGS)
        self.bn = nnx.BatchNorm(6, use_running_average=True, epsilon=1e-3 if wrong else 1e-5, rngs=RNGS)
        self.conv2 = nnx.Conv(6, 5, (3, 3), strides=2, padding=1, rngs=RNGS)
        give(self, state, conv1="conv1", bn="bn", conv2="conv2")

    def __call__(self, x):
        x = x if self.is_last else x.transpose(0, 2, 3, 1)
        x = self.conv2(jax.nn.relu(self.bn(self.conv1(x))))
        return x if self.is_last else x.transpose(0, 3, 1, 2)


def image(is_last):
    return lambda state, wrong: Image(state, wrong, is_last)


class TorchSeries(Lively):
    def __init__(self):
        super().__init__(
            conv1=torch.nn.Conv1d(4, 6, 3, padding=1), conv2=torch.nn.Conv1d(6, 3, 3, padding=2, dilation=2)
        )

    def forward(self, x):
        return self.conv2(torch.tanh(self.conv1(x)))


class Series(linen.Module):
    """(batch, time, channels)."""

    dilation: int = 2

    @linen.compact
    def __call__(self, x):
        x = linen.tanh(linen.Conv(6, (3,), padding="SAME", name="conv1")(x))
        return linen.Conv(3, (3,), padding="SAME", kernel_dilation=self.dilation, name="conv2")(x)


def series(state, wrong):
    return Series(1 if wrong else 2), variables(state, {"conv1": "conv1", "conv2": "conv2"})


class SeriesInside(linen.Module):
    """(batch, channels, time), as torch's; transposes itself."""

    dilation: int = 2

    @linen.compact
    def __call__(self, x):
        return Series(self.dilation, name="inner")(x.swapaxes(1, 2)).swapaxes(1, 2)


def series_inside(state, wrong):
    module, held = series(state, wrong)
    return SeriesInside(module.dilation), {"params": {"inner": held["params"]}}


class LayerNorm2d(torch.nn.LayerNorm):
    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def alone(make):
    """A lone NNX layer, as torch's lone layer."""

    def ours(state, wrong):
        own = make(wrong)
        for name, value in layer(state, "").items():
            mine = getattr(own, name)
            write(mine, value.reshape(mine.shape))
        return own

    return ours


class Doubled(nnx.Linear):
    def __call__(self, x):
        return 2 * super().__call__(x)


def one_by_one(state, wrong):
    own = nnx.Linear(3, 5, use_bias=not wrong, rngs=RNGS)
    write(own.kernel, state["weight"][:, :, 0, 0].T)
    if not wrong:
        write(own.bias, state["bias"])
    return own


def pool(_, wrong):
    average = wrong
    return (lambda params, x: (linen.avg_pool if average else linen.max_pool)(x, (2, 2), (2, 2))), {}


class TorchFlat(Lively):
    def __init__(self):
        super().__init__(conv=torch.nn.Conv2d(3, 4, 3, padding=1), fc=torch.nn.Linear(4 * 4 * 3, 5))

    def forward(self, x):
        return self.fc(torch.flatten(torch.max_pool2d(torch.relu(self.conv(x)), 2), 1))


class Flat(linen.Module):
    """Flattens (H, W, C); its dense kernel's rows are permuted."""

    activation: object = linen.relu

    @linen.compact
    def __call__(self, x):
        x = linen.max_pool(self.activation(linen.Conv(4, (3, 3), name="conv")(x)), (2, 2), (2, 2))
        return linen.Dense(5, name="fc")(x.reshape(len(x), -1))


def flat(state, wrong):
    held = variables(state, {"conv": "conv", "fc": "fc"})
    order = np.arange(48).reshape(4, 4, 3).transpose(1, 2, 0).ravel()
    held["params"]["fc"]["kernel"] = kernel(state["fc.weight"])[order]
    return Flat(linen.gelu if wrong else linen.relu), jax.tree.map(jax.numpy.asarray, held)


NHWC = {"layout": "NHWC"}
PORTS = [
    Port("NCHW network that transposes itself", TorchImage, image(False)),
    Port("NCHW network that transposes itself, layout=NCHW", TorchImage, image(False), options={"layout": "NCHW"}),
    Port("NHWC network", TorchImage, image(True), last=True),
    Port("NHWC network, layout=NHWC", TorchImage, image(True), last=True, options=NHWC),
    Port("(batch, time, channels)", TorchSeries, series, ((2, 4, 9),), last=True),
    Port("(batch, time, channels), layout=NHWC", TorchSeries, series, ((2, 4, 9),), last=True, options=NHWC),
    Port("time series network that transposes itself", TorchSeries, series_inside, ((2, 4, 9),)),
    Port(
        "lone BatchNorm, layout=NHWC",
        lambda: enlivened(torch.nn.BatchNorm2d(3)),
        alone(lambda wrong: nnx.BatchNorm(3, use_running_average=True, epsilon=1e-3 if wrong else 1e-5, rngs=RNGS)),
        options=NHWC,
        last=True,
    ),
    Port(
        "lone BatchNorm in NHWC",
        lambda: enlivened(torch.nn.BatchNorm2d(3)),
        alone(lambda wrong: nnx.BatchNorm(3, use_running_average=True, epsilon=1e-3 if wrong else 1e-5, rngs=RNGS)),
        last=True,
    ),
    Port(
        "lone LayerNorm over channels, layout=NHWC",
        lambda: enlivened(LayerNorm2d(3, eps=1e-5)),
        alone(lambda wrong: nnx.LayerNorm(3, epsilon=1e-6 if wrong else 1e-5, rngs=RNGS)),
        options=NHWC,
        last=True,
    ),
    Port("lone pool, layout=NHWC", lambda: torch.nn.MaxPool2d(2), pool, options=NHWC, last=True),
    Port("lone 1x1 convolution as Dense, layout=NHWC", lambda: torch.nn.Conv2d(3, 5, 1), one_by_one, options=NHWC, last=True),
    Port(
        "lone Dense on both sides' last dimension",
        lambda: torch.nn.Linear(6, 5),
        alone(lambda wrong: nnx.Linear(6, 5, rngs=RNGS) if not wrong else Doubled(6, 5, rngs=RNGS)),
    ),
    Port("flattened (H, W, C), permuted dense kernel", TorchFlat, flat, last=True),
]  # fmt: skip
