"""Which layers can be judged: from a torch module to the reference of what it computes."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from parity import reference
from parity.reference import Reference

_CONV = ("stride", "padding", "dilation", "groups", "padding_mode")
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


def _arguments(module: torch.nn.Module, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


def _conv(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray
) -> dict[str, Reference]:
    return reference.conv_layer(_arguments(module, _CONV), x, params, cotangent)


def _max_pool(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray
) -> dict[str, Reference]:
    ndim = int(type(module).__name__[-2])
    outputs = reference.max_pool_layer(_arguments(module, _MAX_POOL), x, cotangent, ndim)
    if not module.return_indices:
        del outputs["indices"]
    return outputs


_KINDS: dict[type[torch.nn.Module], Callable[..., dict[str, Reference]]] = {
    torch.nn.Conv1d: _conv,
    torch.nn.Conv2d: _conv,
    torch.nn.Conv3d: _conv,
    torch.nn.MaxPool1d: _max_pool,
    torch.nn.MaxPool2d: _max_pool,
    torch.nn.MaxPool3d: _max_pool,
}


def references(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray
) -> dict[str, Reference] | None:
    """What the layer gives and its gradients, `y`, `grad.input`, `grad.weight`, ...; None for an unknown layer.

    Only the class itself is known: a subclass may compute anything.
    """
    kind = _KINDS.get(type(module))
    return None if kind is None else kind(module, x, params, cotangent)
