"""In which mode each layer of a Flax network is: what it is told, or else what its attribute says."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
from flax import nnx

from parity._flax import run as flax_run
from parity._flax.network import Part, nnx_modules

_ATTRIBUTES = ("use_running_average", "deterministic")
"""The attributes of Flax's layers, and of jaxconv's, that are true in eval mode."""


class _Asked:
    """A mode that remembers whether it was asked for: a layer that is told its mode does not ask."""

    def __init__(self, value: bool):
        self.value = value
        self.asked = False

    def __bool__(self) -> bool:
        self.asked = True
        return self.value


def training(whole: Part, parts: Mapping[str, Part], inputs: Sequence[np.ndarray]) -> dict[str, bool]:
    """Whether each layer is in training mode, by path; without those that do not depend on it.

    An NNX network is traced, not run, to see which layers ask for their attribute. A layer that gets its mode with its
    call is left out, since the same layer may be called in another mode elsewhere.

    Args:
        whole: the network.
        parts: its layers, by their own paths.
        inputs: of the network, in torch's layout.
    """
    if isinstance(whole.module, nnx.Module):
        return _of_nnx(whole, inputs)
    found = {}
    for path, part in parts.items():
        modes = [dict(part.options).get(mode, getattr(part.module, mode, None)) for mode in _ATTRIBUTES]
        evaluating = next((mode for mode in modes if isinstance(mode, bool)), None)
        if evaluating is not None:
            found[path] = not evaluating
    return found


def _of_nnx(whole: Part, inputs: Sequence[np.ndarray]) -> dict[str, bool]:
    marks: dict[str, _Asked] = {}

    def apply(static: Any, held: Any, args: Any, kwargs: Any) -> Any:
        module = nnx.merge(static, held)
        for path, layer in nnx_modules(module, ()):
            for mode in _ATTRIBUTES:
                value = getattr(layer, mode, None)
                if isinstance(value, bool):
                    marks[path] = _Asked(value)
                    setattr(layer, mode, marks[path])
                elif isinstance(value, _Asked):  # a shared layer, under another of its names
                    marks[path] = value
        return module(*args, **kwargs), {}

    with suppress(Exception):  # a network that does not run is reported elsewhere
        flax_run.shapes(replace(whole, apply=apply), inputs)
    return {path: not mark.value for path, mark in marks.items() if mark.asked}
