"""Plain forms: parameters without layers, functions with dicts of parameters, pytrees that can be called."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import torch
from jax import lax

from .port import Port, kernel


class TorchPlain(torch.nn.Module):
    """One module with parameters of its own, and `F.conv2d`."""

    def __init__(self):
        super().__init__()
        self.w1 = torch.nn.Parameter(torch.randn(4, 3, 3, 3) / 5)
        self.b1 = torch.nn.Parameter(torch.randn(4, 1, 1))
        self.w2 = torch.nn.Parameter(torch.randn(5, 4, 1, 1) / 2)
        self.b2 = torch.nn.Parameter(torch.randn(5))

    def forward(self, x):
        x = torch.relu(torch.nn.functional.conv2d(x, self.w1, padding=1) + self.b1)
        return torch.nn.functional.conv2d(x, self.w2, self.b2)


class TorchLayers(torch.nn.Module):
    """The same of layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(4, 5, 1)

    def forward(self, x):
        return self.conv2(torch.relu(self.conv1(x)))


def conv(x, w, layout):
    """A convolution in (N, C, H, W) with OIHW, or in (N, H, W, C) with HWIO kernels."""
    numbers = ("NCHW", "OIHW", "NCHW") if layout == "OIHW" else ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=numbers)


def own_names(state, wrong):
    """torch's names and arrays."""

    def net(params, x):
        x = conv(x, params["w1"], "OIHW") + params["b1"]
        return conv(x if wrong else jax.nn.relu(x), params["w2"], "OIHW") + params["b2"][:, None, None]

    return net, {name: jnp.asarray(value) for name, value in state.items()}


def forward(params, x, names, layout, wrong):
    """The network on a nested dict of layers, each with a weight and a bias."""
    (first, second), (w, b) = names
    bias = (lambda value: value.reshape(-1, 1, 1)) if layout == "OIHW" else (lambda value: value.reshape(-1))
    x = conv(x, params[first][w], layout) + bias(params[first][b])
    x = jax.nn.leaky_relu(x) if wrong else jax.nn.relu(x)
    return conv(x, params[second][w], layout) + bias(params[second][b])


def function(names, layout, bias=None):
    """A function and a dict of parameters with these names and this layout."""

    def ours(state, wrong):
        def arrays(path):
            weight, b = state[f"{path}.weight"], state[f"{path}.bias"]
            w = weight if layout == "OIHW" else kernel(weight)
            return {names[1][0]: jnp.asarray(w), names[1][1]: jnp.asarray(b.reshape(bias or -1))}

        params = {name: arrays(path) for name, path in zip(names[0], ("conv1", "conv2"), strict=True)}
        return functools.partial(forward, names=names, layout=layout, wrong=wrong), params

    return ours


def haiku(prefix):
    return function(((f"{prefix}conv2_d", f"{prefix}conv2_d_1"), ("w", "b")), "HWIO")


@functools.partial(jax.tree_util.register_dataclass, data_fields=["weight", "bias"], meta_fields=["padding"])
@dataclass(frozen=True)
class Conv2d:
    """Equinox's Conv2d: weight OIHW, bias (C, 1, 1), one image without a batch dimension."""

    weight: jax.Array
    bias: jax.Array
    padding: int = 0

    def __call__(self, x):
        pads = [(self.padding, self.padding)] * 2
        return lax.conv_general_dilated(x[None], self.weight, (1, 1), pads)[0] + self.bias


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=["conv1", "conv2"], meta_fields=["activation"]
)
@dataclass(frozen=True)
class Net:
    conv1: Conv2d
    conv2: Conv2d
    activation: Any = jax.nn.relu

    def __call__(self, x):
        return jax.vmap(lambda image: self.conv2(self.activation(self.conv1(image))))(x)


def pytree(state, wrong):
    def own(path, padding):
        return Conv2d(
            jnp.asarray(state[f"{path}.weight"]),
            jnp.asarray(state[f"{path}.bias"].reshape(-1, 1, 1)),
            padding,
        )

    return Net(own("conv1", 1), own("conv2", 0), jax.nn.leaky_relu if wrong else jax.nn.relu)


def pytree_pair(state, wrong):
    """The same as a pair: a function that calls its first argument."""
    return (lambda net, x: net(x)), pytree(state, wrong)


NHWC = {"layout": "NHWC"}
FLAX = (("Conv_0", "Conv_1"), ("kernel", "bias"))
TORCH = (("conv1", "conv2"), ("weight", "bias"))
PORTS = [
    Port("parameters of the module, function", TorchPlain, own_names),
    Port("function with torch's names, OIHW", TorchLayers, function(TORCH, "OIHW")),
    Port("function with biases (C, 1, 1)", TorchLayers, function(TORCH, "OIHW", (-1, 1, 1))),
    Port("function with HWIO kernels, layout=NHWC", TorchLayers, function(FLAX, "HWIO"), last=True, options=NHWC),
    Port("function with Haiku's names, layout=NHWC", TorchLayers, haiku(""), last=True, options=NHWC),
    Port("function with Haiku's paths, layout=NHWC", TorchLayers, haiku("net/~/"), last=True, options=NHWC),
    Port("pytree that can be called", TorchLayers, pytree),
    Port("function and a pytree that can be called", TorchLayers, pytree_pair),
]  # fmt: skip
