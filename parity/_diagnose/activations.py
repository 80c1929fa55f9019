"""What people get wrong in activations."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import changed, computing
from parity._diagnose.registry import Called, Cause

LAYERS = (
    *(
        "ReLU",
        "ReLU6",
        "GELU",
        "SiLU",
        "LeakyReLU",
        "ELU",
        "SELU",
        "CELU",
        "Hardswish",
        "Hardsigmoid",
        "Sigmoid",
    ),
    *("Tanh", "Softplus", "Mish", "Identity", "Hardtanh"),
)
FUNCTIONS = (
    *("relu", "relu6", "gelu", "silu", "hardswish", "sigmoid", "hardsigmoid", "tanh", "elu", "selu", "celu"),
    *("softplus", "mish", "leaky_relu", "hardtanh"),
)
SOFTMAX = ("Softmax", "LogSoftmax", "Softmin")
SOFTMAX_FUNCTIONS = ("softmax", "log_softmax", "softmin")

OTHERS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "the identity": lambda x: x,
    "relu": torch.relu,
    "relu6": F.relu6,
    "gelu(approximate='none')": F.gelu,
    "gelu(approximate='tanh')": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "hardswish": F.hardswish,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": F.hardsigmoid,
    "tanh": torch.tanh,
    "elu": F.elu,
    "selu": F.selu,
    "celu": F.celu,
    "softplus": F.softplus,
    "mish": F.mish,
    **{
        f"leaky_relu({s:g})": (lambda x, s=s: F.leaky_relu(x, s))
        for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.3)
    },
    **{f"elu({a:g})": (lambda x, a=a: F.elu(x, a)) for a in (0.5, 2.0)},
}
"""Functions of one number that people put in each other's place."""


def cause_of(theirs: str, name: str) -> str:
    """The id of the mistake of having `name` where torch has `theirs`."""
    if name == "the identity":
        return "activation.missing"
    for kind, cause in (
        ("gelu", "gelu.approximate"),
        ("leaky_relu", "leaky_relu.slope"),
        ("elu", "elu.alpha"),
    ):
        if theirs.startswith(kind) and name.startswith(kind):
            return cause
    return "activation.relu6" if {theirs, name.partition("(")[0]} == {"relu", "relu6"} else "activation.other"


def _enter(cause: Cause) -> None:
    @cause.tried(*LAYERS)
    def layer(module: Any) -> Iterator[tuple[str, torch.nn.Module]]:
        theirs = {"LeakyReLU": "leaky_relu"}.get(type(module).__name__, type(module).__name__.lower())
        for name, function in OTHERS.items():
            if cause_of(theirs, name) == cause.id:
                text = f"it is {name}: torch's is {module}"
                yield text, computing(module, lambda self, x, f=function: f(x))

    @cause.tried(*FUNCTIONS)
    def call(called: Called) -> Iterator[tuple[str, Any]]:
        for name, function in OTHERS.items():
            if isinstance(called.args[0], torch.Tensor) and cause_of(called.name, name) == cause.id:
                text = f"it is {name}: torch's is {called.name}{_shown(called)}"
                yield text, lambda _, x, *a, f=function, **k: f(x)


for _id, _says in {
    "activation.missing": "no activation",
    "activation.relu6": "relu for relu6, or relu6 for relu",
    "gelu.approximate": "gelu's approximation, which is jax.nn.gelu's default",
    "leaky_relu.slope": "another slope of leaky_relu",
    "elu.alpha": "another alpha of elu",
    "activation.other": "another activation",
}.items():
    _enter(Cause(_id, _says))


def _shown(called: Called) -> str:
    named = (f"{k}={v!r}" for k, v in called.kwargs.items() if k not in ("inplace", "_stacklevel"))
    words = [*map(repr, called.args[1:]), *named]
    return f"({', '.join(w for w in words if w not in ('False', 'None'))})"


AXIS = Cause("softmax.axis", "softmax over another axis")


@AXIS.tried(*SOFTMAX)
def _axis(module: Any) -> Iterator[tuple[str, torch.nn.Module]]:
    for dim in range(-1, 4):
        yield f"it is over dimension {dim}: torch's over {module.dim}", changed(module, dim=dim)


@AXIS.tried(*SOFTMAX_FUNCTIONS)
def _axis_of_call(called: Called) -> Iterator[tuple[str, Any]]:
    for dim in range(-1, called.args[0].ndim):
        text = f"it is over dimension {dim}: torch's{_shown(called)}"
        yield text, lambda f, x, *a, d=dim, **k: f(x, **{**k, "dim": d})


KIND = Cause("softmax.kind", "log_softmax for softmax, or another of the family")


@KIND.tried(*SOFTMAX)
def _kind(module: Any) -> Iterator[tuple[str, torch.nn.Module]]:
    others: dict[str, Any] = {
        "softmax": F.softmax,
        "log_softmax": F.log_softmax,
        "the identity": lambda x, dim: x,
    }
    for name, function in others.items():
        text = f"it is {name}: torch's is {module}"
        yield text, computing(module, lambda self, x, f=function: f(x, dim=self.dim))


@KIND.tried(*SOFTMAX_FUNCTIONS)
def _kind_of_call(called: Called) -> Iterator[tuple[str, Any]]:
    other: Any = F.log_softmax if called.name == "softmax" else F.softmax
    yield f"it is {other.__name__}", lambda f, x, *a, **k: other(x, dim=a[0] if a else k["dim"])
