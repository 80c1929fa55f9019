"""What people get wrong in normalisations."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import changed, computing
from parity._diagnose.registry import Called, Cause

Modules = Iterator[tuple[str, torch.nn.Module]]

BATCH = ("BatchNorm1d", "BatchNorm2d", "BatchNorm3d")
LAYER = ("LayerNorm", "RMSNorm")
_BEFORE_EPS = {"layer_norm": 4, "group_norm": 4, "batch_norm": 7, "instance_norm": 7}
"""How many arguments come before eps."""


TRAIN_MODE = Cause(
    "batchnorm.train_mode", "statistics of the batch for the running ones, or the other way round"
)


@TRAIN_MODE.tried(*BATCH)
def _train_mode(module: Any) -> Modules:
    if module.running_mean is None:
        return
    if module.training:
        text = "it uses its running statistics: torch's module is in training mode (model.train())"
    else:
        text = (
            "it uses the batch's statistics: torch's is in eval mode (model.eval(), use_running_average=True)"
        )
    yield text, changed(module, training=not module.training)


def _moves(module: Any) -> bool:
    return module.training and module.momentum is not None and module.running_var is not None


@Cause("batchnorm.momentum", "another momentum; Flax's is 1 - torch's").tried(*BATCH)
def _momentum(module: Any) -> Modules:
    if not _moves(module):
        return
    m = module.momentum
    yield (
        f"the running statistics move by {1 - m:g}, torch's by {m:g}: write momentum={m:g} in jaxconv's layer, "
        f"momentum={1 - m:g} in Flax's, which is 1 - torch's",
        changed(module, momentum=1 - m),
    )
    for other in (0.1, 0.01, 0.9, 0.99, 0.999, 0.001):
        if other not in (m, 1 - m):
            yield (
                f"the running statistics move by {other:g}: torch's momentum is {m:g}",
                changed(module, momentum=other),
            )


@Cause("batchnorm.biased_variance", "the biased variance as the running one").tried(*BATCH)
def _biased_variance(module: Any) -> Modules:
    if not _moves(module):
        return
    for value in (module.momentum, 1 - module.momentum):
        yield (
            "the running variance is the biased one: torch's is divided by n - 1 (jaxconv.BatchNorm does it)",
            computing(module, lambda self, x, m=value: _biased(self, x, m)),
        )


def _biased(module: Any, x: torch.Tensor, momentum: float) -> torch.Tensor:
    axes = [0, *range(2, x.ndim)]
    y = F.batch_norm(x, None, None, module.weight, module.bias, True, 0.0, module.eps)
    with torch.no_grad():
        module.running_mean.lerp_(x.mean(axes), momentum)
        module.running_var.lerp_(x.var(axes, correction=0), momentum)
        module.num_batches_tracked.add_(1)
    return y


EPSILON = Cause("norm.epsilon", "another epsilon of a normalisation")


@EPSILON.tried(*BATCH, *LAYER, "GroupNorm")
def _epsilon(module: Any) -> Modules:
    for eps in (1e-3, 1e-5, 1e-6, 1e-8, 1e-12, 0.0):
        if module.eps is not None and eps != module.eps:
            yield f"epsilon is {eps:g}: write epsilon={module.eps:g}", changed(module, eps=eps)


@EPSILON.tried(*_BEFORE_EPS)
def _epsilon_of_call(called: Called) -> Iterator[tuple[str, Any]]:
    given = _BEFORE_EPS[called.name]
    for eps in (1e-3, 1e-5, 1e-6, 1e-8, 1e-12):
        yield f"epsilon is {eps:g}", lambda f, *a, e=eps, **k: f(*a[:given], **{**k, "eps": e})


@Cause("groupnorm.groups", "another number of groups").tried("GroupNorm")
def _groups(module: Any) -> Modules:
    for groups in range(1, module.num_channels + 1):
        if module.num_channels % groups == 0 and groups != module.num_groups:
            text = f"there are {groups} groups: torch's num_groups is {module.num_groups}"
            yield text, changed(module, num_groups=groups)


def _left_out(name: str, text: str) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        if getattr(module, name, None) is not None:
            new = changed(module)
            with torch.no_grad():
                getattr(new, name).fill_(float(name == "weight"))
            yield f"{text} is not applied", new

    return form


for _name, _text in (("weight", "scale"), ("bias", "bias")):
    _cause = Cause(f"norm.{_name}_missing", f"a normalisation's {_text} that is not applied")
    _cause.tried(*BATCH, *LAYER, "GroupNorm")(_left_out(_name, _text))


@Cause("layernorm.variance", "a variance that is divided by n - 1").tried("LayerNorm")
def _variance(module: Any) -> Modules:
    def unbiased(self: Any, x: torch.Tensor) -> torch.Tensor:
        axes = tuple(range(-len(self.normalized_shape), 0))
        y = (x - x.mean(axes, keepdim=True)) / torch.sqrt(x.var(axes, keepdim=True) + self.eps)
        return y if self.weight is None else y * self.weight + (0 if self.bias is None else self.bias)

    yield "the variance is divided by n - 1: torch's by n", computing(module, unbiased)


@Cause("layernorm.axis", "normalisation along dimension 1").tried(*LAYER)
def _axis(module: Any) -> Modules:
    original = type(module).forward
    yield (
        "it normalises dimension 1: torch's LayerNorm the last ones",
        computing(module, lambda self, x: original(self, x.transpose(1, -1)).transpose(1, -1)),
    )
