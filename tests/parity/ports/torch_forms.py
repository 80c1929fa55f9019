"""Forms of torch's network: computed weights, pruning, compiled and traced networks; the Flax network has plain layers."""

import warnings

import jax.numpy as jnp
import torch
from flax import linen
from torch.nn.utils import parametrizations, parametrize, prune

from .port import Lively, Port, variables


class TorchPair(Lively):
    """Two layers, the first of them changed by `change`."""

    def __init__(self, change):
        conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # the old spellings are deprecated, and in use
            change(conv)
        super().__init__(conv=conv, head=torch.nn.Conv2d(4, 3, 1))

    def forward(self, x):
        return self.head(torch.relu(self.conv(x)))


class Pair(linen.Module):
    activation: object = linen.relu

    @linen.compact
    def __call__(self, x):
        x = self.activation(linen.Conv(4, (3, 3), name="conv")(x))
        return linen.Conv(3, (1, 1), name="head")(x)


def pair(state, wrong):
    state = {name.removeprefix("_orig_mod."): value for name, value in state.items()}
    return Pair(linen.gelu if wrong else linen.relu), variables(state, {"conv": "conv", "head": "head"})


class WeightNormed(linen.Module):
    """`linen.WeightNorm` around the first convolution."""

    activation: object = linen.relu

    @linen.compact
    def __call__(self, x):
        conv = linen.Conv(4, (3, 3), name="conv")
        x = self.activation(linen.WeightNorm(conv, variable_filter={"kernel"}, name="norm")(x))
        return linen.Conv(3, (1, 1), name="head")(x)


def weight_normed(state, wrong):
    weight = "conv.parametrizations.weight.original"
    state = {**state, "conv.weight": state[f"{weight}1"]}
    held = variables(state, {"conv": "conv", "head": "head"})
    held["params"]["norm"] = {"conv/kernel/scale": jnp.asarray(state[f"{weight}0"].ravel())}
    return WeightNormed(linen.gelu if wrong else linen.relu), held


class Symmetric(torch.nn.Module):
    """A parametrization: kernels equal to their mirror image."""

    def forward(self, weight):
        return weight + weight.flip(-1)


def compiled():
    return torch.compile(TorchPair(lambda conv: None), backend="eager")


def traced():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a kind that depends on the version
        return torch.jit.trace(TorchPair(lambda conv: None).eval(), torch.randn(2, 3, 8, 6))


CHANGES = {
    "old weight_norm": torch.nn.utils.weight_norm,
    "weight_norm": parametrizations.weight_norm,
    "old spectral_norm": torch.nn.utils.spectral_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "parametrize": lambda conv: parametrize.register_parametrization(conv, "weight", Symmetric()),
    "pruning": lambda conv: prune.l1_unstructured(conv, "weight", 0.3),
}
PORTS = [
    *(
        Port(f"torch: {name}", lambda change=change: TorchPair(change), pair, last=True)
        for name, change in CHANGES.items()
    ),
    Port("torch: weight_norm, convert=None", lambda: TorchPair(parametrizations.weight_norm), pair, last=True, options={"convert": None}),
    Port(
        "torch: weight_norm beside linen.WeightNorm",
        lambda: TorchPair(parametrizations.weight_norm),
        weight_normed,
        last=True,
    ),
    Port("torch.compile", compiled, pair, last=True, refused=True),
    Port("torch.jit.trace", traced, pair, last=True, refused=True),
]  # fmt: skip
