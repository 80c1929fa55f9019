"""Which array of a torch layer is which of a Flax layer: jaxconv's names are torch's, Flax's own are others."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from parity._flax.layout import Array, Link, Move, moved


def _same(x: Array) -> Array:
    return x


def _reshaped(shape: Sequence[int]) -> Move:
    return lambda x: x.reshape(tuple(shape))


_NORMS = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
_CONVS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
_TRANSPOSED = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)


def links(
    module: torch.nn.Module, flax_module: Any, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[Link, ...] | None:
    """How the arrays of a torch layer and of a Flax layer correspond; None if they cannot.

    Args:
        module: torch's layer.
        flax_module: the Flax layer, of whichever kind.
        shapes: of the Flax layer's own arrays, by name.
    """
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    theirs = {name: tuple(t.shape) for name, t in tensors.items()}
    found = _links(module, flax_module, theirs, shapes)
    if found is None:
        return None
    covered, ours = {link.torch for link in found}, {link.flax for link in found}
    # Flax counts no batches; and a switch of one side alone, as use_bias, is a finding and no reason not to compare.
    optional = {"num_batches_tracked", "bias"} | (
        {"weight", "scale"} if "Norm" in type(module).__name__ else set()
    )
    if (set(theirs) - covered | set(shapes) - ours) - optional or (not found and (theirs or shapes)):
        return None
    fits = all(np.prod(theirs[link.torch]) == np.prod(shapes[link.flax]) for link in found)
    return found if fits and all(_laid_out(link, theirs, shapes) for link in found) else None


def _laid_out(link: Link, theirs: Mapping[str, tuple[int, ...]], ours: Mapping[str, tuple[int, ...]]) -> bool:
    return link.to_flax(np.broadcast_to(np.float32(0), theirs[link.torch])).shape == ours[link.flax]


def _links(
    module: torch.nn.Module,
    flax_module: Any,
    theirs: Mapping[str, tuple[int, ...]],
    ours: Mapping[str, tuple[int, ...]],
) -> tuple[Link, ...] | None:
    if set(ours) == set(theirs):
        return tuple(Link(name, name, _same, _same) for name in ours)
    if "weight" in ours and "weight" in theirs:
        return tuple(Link(name, name, _same, _same) for name in ours if name in theirs)
    if "kernel" in ours and "weight" in theirs:
        bias = (
            (Link("bias", "bias", _reshaped(ours["bias"]), _reshaped(theirs["bias"])),)
            if _both(theirs, ours)
            else ()
        )
        kernel = _kernel(module, flax_module, theirs["weight"], ours["kernel"])
        return None if kernel is None else (kernel, *bias)
    if "embedding" in ours:
        return (Link("weight", "embedding", _same, _same),) if "weight" in theirs else None
    if set(ours) <= set(_NORMS.values()):
        return tuple(
            Link(name, _NORMS[name], _reshaped(ours[_NORMS[name]]), _reshaped(theirs[name]))
            for name in theirs
            if name in _NORMS and _NORMS[name] in ours
        )
    if len(ours) == len(theirs) == 1:  # PReLU's slope, a scale
        (mine, shape), (name, other) = *ours.items(), *theirs.items()
        return (
            (Link(name, mine, _reshaped(shape), _reshaped(other)),)
            if np.prod(shape) == np.prod(other)
            else None
        )
    return None


def _both(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    return "bias" in theirs and "bias" in ours and np.prod(theirs["bias"]) == np.prod(ours["bias"])


def _kernel(
    module: torch.nn.Module, flax_module: Any, weight: tuple[int, ...], kernel: tuple[int, ...]
) -> Link | None:
    n = len(weight) - 2
    space = tuple(range(2, n + 2))
    if isinstance(module, _TRANSPOSED):
        # weight (in, out, *k). Flax correlates with (*k, in, out) as it is, and flips (*k, out, in) if told to
        # transpose: torch always flips.
        if getattr(flax_module, "transpose_kernel", False):
            return moved((*space, 1, 0), "transposed to (*kernel, out, in)")
        link = moved((*space, 0, 1), "")
        return Link(
            "weight",
            "kernel",
            lambda w: link.to_flax(np.flip(w, space)),
            lambda k: np.flip(link.to_torch(k), space),
            "flipped and transposed to (*kernel, in, out)",
        )
    if isinstance(module, _CONVS) and len(kernel) == len(weight):
        return moved((*space, 1, 0), "transposed to (*kernel, in, out)")
    if len(weight) >= 2 and np.prod(weight) == np.prod(
        kernel
    ):  # dense, or a dense layer for a 1x1 convolution
        inner = weight[0], int(np.prod(weight[1:]))
        return Link(
            "weight",
            "kernel",
            lambda w: w.reshape(inner).T.reshape(kernel),
            lambda k: k.reshape(inner[::-1]).T.reshape(weight),
            "transposed to (in, out)",
        )
    return None
