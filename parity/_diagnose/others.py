"""What people get wrong in normalisations, activations, resizing and dropout."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import Hypotheses, Hypothesis, changed, computing

_EPSILONS = (1e-3, 1e-5, 1e-6, 1e-8, 1e-12, 0.0)


def _epsilon(module: Any) -> Hypotheses:
    for eps in _EPSILONS:
        if eps != module.eps:
            yield Hypothesis(
                "norm.epsilon", f"epsilon is {eps:g}: write epsilon={module.eps:g}", changed(module, eps=eps)
            )


def _affine(module: Any) -> Hypotheses:
    for name in ("weight", "bias"):
        if getattr(module, name, None) is not None:
            new = changed(module)
            with torch.no_grad():
                getattr(new, name).fill_(float(name == "weight"))
            yield Hypothesis(
                f"norm.{name}_missing", f"{'scale' if name == 'weight' else 'bias'} is not applied", new
            )


def batch_norm(module: Any) -> Hypotheses:
    """Of torch.nn.BatchNorm1d, 2d, 3d."""
    if module.running_mean is not None:
        if module.training:
            text = "it uses its running statistics: torch's module is in training mode (model.train())"
        else:
            text = "it uses the batch's statistics: torch's is in eval mode (model.eval(), use_running_average=True)"
        yield Hypothesis("batchnorm.train_mode", text, changed(module, training=not module.training))
    m = module.momentum
    if module.training and m is not None and module.running_var is not None:
        yield Hypothesis(
            "batchnorm.momentum",
            f"momentum {1 - m:g} and {m:g} are swapped: Flax's momentum is 1 - torch's, write momentum={1 - m:g}",
            changed(module, momentum=1 - m),
        )
        for other in (0.1, 0.01, 0.9, 0.99, 0.999, 0.001):
            if other not in (m, 1 - m):
                yield Hypothesis(
                    "batchnorm.momentum",
                    f"the running statistics move by {other:g}: torch's momentum is {m:g}",
                    changed(module, momentum=other),
                )
        for value in (m, 1 - m):
            yield Hypothesis(
                "batchnorm.biased_variance",
                "the running variance is the biased one: torch's is divided by n - 1 (jaxconv.BatchNorm does it)",
                computing(module, lambda self, x, m=value: _biased(self, x, m)),
            )
    yield from _epsilon(module)
    yield from _affine(module)


def _biased(module: Any, x: torch.Tensor, momentum: float) -> torch.Tensor:
    axes = [0, *range(2, x.ndim)]
    y = F.batch_norm(x, None, None, module.weight, module.bias, True, 0.0, module.eps)
    with torch.no_grad():
        module.running_mean.lerp_(x.mean(axes), momentum)
        module.running_var.lerp_(x.var(axes, correction=0), momentum)
        module.num_batches_tracked.add_(1)
    return y


def group_norm(module: Any) -> Hypotheses:
    """Of torch.nn.GroupNorm."""
    yield from _epsilon(module)
    for groups in range(1, module.num_channels + 1):
        if module.num_channels % groups == 0 and groups != module.num_groups:
            yield Hypothesis(
                "groupnorm.groups",
                f"there are {groups} groups: torch's num_groups is {module.num_groups}",
                changed(module, num_groups=groups),
            )
    yield from _affine(module)


def layer_norm(module: Any) -> Hypotheses:
    """Of torch.nn.LayerNorm and RMSNorm."""
    if module.eps is not None:
        yield from _epsilon(module)
    yield from _affine(module)

    def unbiased(self: Any, x: torch.Tensor) -> torch.Tensor:
        axes = tuple(range(-len(self.normalized_shape), 0))
        y = (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight + (0 if self.bias is None else self.bias)

    def second(self: Any, x: torch.Tensor) -> torch.Tensor:
        return type(module).forward(self, x.transpose(1, -1)).transpose(1, -1)

    if hasattr(module, "bias"):
        yield Hypothesis(
            "layernorm.variance",
            "the variance is divided by n - 1: torch's by n",
            computing(module, unbiased),
        )
    yield Hypothesis(
        "layernorm.axis",
        "it normalises dimension 1: torch's LayerNorm the last ones",
        computing(module, second),
    )


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
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


def activation_cause(theirs: str, name: str) -> str:
    """The id of the mistake of having `name` where torch has `theirs`."""
    if name == "the identity":
        return "activation.missing"
    for kind in ("gelu", "leaky_relu", "elu"):
        if theirs.startswith(kind) and name.startswith(kind):
            return {"gelu": "gelu.approximate", "leaky_relu": "leaky_relu.slope", "elu": "elu.alpha"}[kind]
    if {theirs, name.partition("(")[0]} == {"relu", "relu6"}:
        return "activation.relu6"
    return "activation.other"


def activation(module: Any) -> Hypotheses:
    """Of a layer that computes one number from one."""
    theirs = {"LeakyReLU": "leaky_relu"}.get(type(module).__name__, type(module).__name__.lower())
    for name, function in ACTIVATIONS.items():
        yield Hypothesis(
            activation_cause(theirs, name),
            f"it is {name}: torch's is {module}",
            computing(module, lambda self, x, f=function: f(x)),
        )


def softmax(module: Any) -> Hypotheses:
    """Of Softmax, LogSoftmax and Softmin."""
    for dim in range(-1, 4):
        yield Hypothesis(
            "softmax.axis", f"it is over dimension {dim}: torch's over {module.dim}", changed(module, dim=dim)
        )
    for name, function in (
        ("softmax", F.softmax),
        ("log_softmax", F.log_softmax),
        ("the identity", lambda x, dim: x),
    ):
        yield Hypothesis(
            "softmax.kind",
            f"it is {name}: torch's is {module}",
            computing(module, lambda self, x, f=function: f(x, dim=self.dim)),
        )


def resizes(**given: Any) -> list[tuple[str, str, dict[str, Any]]]:
    """Other arguments of interpolate: cause, text, and the arguments."""
    found = []
    smooth = {3: "linear", 4: "bilinear", 5: "trilinear"}
    mode, corners = given.get("mode", "nearest"), given.get("align_corners")
    blank = {**given, "align_corners": None, "antialias": False}
    if mode in ("linear", "bilinear", "bicubic", "trilinear"):
        found.append(
            (
                "resize.align_corners",
                f"align_corners is {not corners}: torch's is {bool(corners)}",
                {**given, "align_corners": not corners},
            )
        )
    if mode in ("bilinear", "bicubic"):
        other = not given.get("antialias", False)
        name = "resize.antialias"
        found.append(
            (
                name,
                f"antialias is {other}: torch's is {not other} (jax.image.resize: antialias={not other})",
                {**given, "align_corners": False, "antialias": other},
            )
        )
    if mode == "bicubic":
        found.append(
            (
                "resize.bicubic_coefficient",
                "the cubic's coefficient is -0.5: torch's is -0.75 (jaxconv.functional.interpolate)",
                {**given, "align_corners": False, "antialias": True},
            )
        )
    for name in ("nearest", "nearest-exact"):
        if name != mode:
            text = (
                " (jax.image.resize's 'nearest' is torch's 'nearest-exact')"
                if mode.startswith("nearest")
                else ""
            )
            cause = "resize.nearest" if mode.startswith("nearest") else "resize.mode"
            found.append((cause, f"the mode is {name!r}: torch's is {mode!r}{text}", {**blank, "mode": name}))
    for name in (*smooth.values(), "bicubic"):
        for aligned in (False, True):
            if name != mode:
                found.append(
                    (
                        "resize.mode",
                        f"the mode is {name!r}: torch's is {mode!r}",
                        {**blank, "mode": name, "align_corners": aligned},
                    )
                )
    return found


def upsample(module: Any) -> Hypotheses:
    """Of torch.nn.Upsample and its kin."""
    given = {
        "size": module.size,
        "scale_factor": module.scale_factor,
        "mode": module.mode,
        "align_corners": module.align_corners,
    }
    for cause, text, arguments in resizes(**given):
        yield Hypothesis(cause, text, computing(module, lambda self, x, a=arguments: F.interpolate(x, **a)))
