"""Which array of a torch layer is which of a Flax layer: jaxconv's names are torch's, Flax's own are others."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from parity._flax.layout import Link
from parity._pairing.kernels import Shape, arrangements, reshaped

_NORMS = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
_PARTS = {
    **dict.fromkeys(("kernel", "w", "embedding", "scale", "gamma"), "weight"),
    **dict.fromkeys(("b", "beta", "offset"), "bias"),
    **{"mean": "running_mean", "var": "running_var"},
}


def torch_s(name: str) -> str:
    """What torch calls an array that others call `kernel`, `w`, `b`, `scale`."""
    return _PARTS.get(name.lower(), name.lower())


def links(
    module: torch.nn.Module, flax_module: Any, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Link, ...] | None:
    """How the arrays of a torch layer and of a Flax layer correspond; None if they cannot."""
    return next(iter(ways(module, flax_module, shapes)), None)


def ways(
    module: torch.nn.Module, flax_module: Any, shapes: Mapping[str, tuple[int, ...]]
) -> list[tuple[Link, ...]]:
    """Every way in which the arrays of a torch layer and of a Flax layer may correspond, the most likely first.

    Args:
        module: torch's layer.
        flax_module: the Flax layer, of whichever kind; None for bare arrays.
        shapes: of the Flax layer's own arrays, by name.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    theirs = {name: tuple(t.shape) for name, t in tensors.items()}
    if flax_module is None:
        named = {torch_s(name): name for name in shapes}
        pairs = {name: named[name] for name in theirs if name in named}
    else:
        pairs = _pairs(theirs, shapes)
    # Flax counts no batches; and a switch of one side alone, as use_bias, is a finding and no reason not to compare.
    optional = {"num_batches_tracked", "bias"} | (
        {"weight", "scale"} if "Norm" in type(module).__name__ else set()
    )
    left = set(theirs) - set(pairs) | set(shapes) - set(pairs.values())
    if left - optional or (not pairs and (theirs or shapes)):
        return []
    found: list[list[Link]] = []
    for torch_name, flax_name in pairs.items():
        links = _arranged(module, flax_module, torch_name, theirs[torch_name], flax_name, shapes[flax_name])
        found.append([replace(link, torch=torch_name, flax=flax_name) for link in links])
    if not all(found):
        return []
    first = [links[0] for links in found]
    # Of a layer's arrays, only the weight can lie in several ways.
    other = [(i, link) for i, links in enumerate(found) for link in links[1:]]
    return [tuple(first), *((*first[:i], link, *first[i + 1 :]) for i, link in other)]


def _arranged(
    module: torch.nn.Module, flax_module: Any, torch_name: str, theirs: Shape, flax_name: str, ours: Shape
) -> list[Link]:
    own_layout = type(flax_module).__module__.startswith("jaxconv.")
    if own_layout and theirs == ours:
        return [reshaped(theirs, ours)]
    if torch_name == "weight" and len(theirs) > 1 and not isinstance(module, torch.nn.Embedding):
        return arrangements(module, flax_module, theirs, ours, flax_name)
    return [reshaped(theirs, ours)] if np.prod(theirs) == np.prod(ours) else []


def _pairs(theirs: Mapping[str, Shape], ours: Mapping[str, Shape]) -> dict[str, str]:
    """torch's name -> the Flax name."""
    if ("weight" in ours and "weight" in theirs) or set(ours) == set(theirs):
        return {name: name for name in theirs if name in ours}
    if "kernel" in ours and "weight" in theirs:
        both = "bias" in ours and "bias" in theirs and np.prod(ours["bias"]) == np.prod(theirs["bias"])
        return {"weight": "kernel"} | ({"bias": "bias"} if both else {})
    if "embedding" in ours:
        return {"weight": "embedding"} if "weight" in theirs else {}
    if set(ours) <= set(_NORMS.values()):
        return {name: _NORMS[name] for name in theirs if name in _NORMS and _NORMS[name] in ours}
    if len(ours) == len(theirs) == 1:  # PReLU's slope, a scale
        return dict(zip(theirs, ours, strict=True))
    return {}
