"""The user's lines that call a layer, on either side, without computing what the networks compute."""

import copy
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import torch

from parity._diagnose.hypothesis import Place
from parity._diagnose.trace import flax_equations, lines
from parity._diagnose.trace.values import Line, Step, Value
from parity._flax.network import Part
from parity._torch.network import Call
from parity._torch.tensors import from_numpy


class _Reached(Exception):
    pass


def of_torch(module: torch.nn.Module, inputs: Sequence[np.ndarray], call: Call) -> Place | None:
    """The line with this call of a layer; None if it is in a library, as in `torch.nn.Sequential`."""
    own = copy.deepcopy(module)
    number = int(call.name.partition("#")[2] or 1)
    stacks: list[tuple[Line, ...]] = []

    def pre(*_: Any) -> None:
        stacks.append(lines.here())
        if len(stacks) == number:
            raise _Reached

    handle = own.get_submodule(call.path).register_forward_pre_hook(pre)
    try:
        with torch.no_grad():
            own(*map(from_numpy, inputs))
    except _Reached:
        return lines.place(stacks[-1], type(call.module).__name__)
    finally:
        handle.remove()
    return None


def of_flax(whole: Part, layer: Part, inputs: Sequence[np.ndarray]) -> Place | None:
    """The line that takes a layer's first array; None if the layer has none, or if that cannot be told."""
    held = [x for x in jax.tree.leaves(whole.held) if hasattr(x, "dtype")]
    moving = [x for x in held if np.issubdtype(x.dtype, np.inexact)]
    own = jax.tree.leaves(layer.held)
    at = [i for i, x in enumerate(moving) if any(x is y for y in own)]
    if not at:
        at = [
            i for i, x in enumerate(moving) if any(x.shape == y.shape and bool((x == y).all()) for y in own)
        ]
    trace = flax_equations.structure(whole, inputs) if at else None
    if trace is None:
        return None
    first = {_consumer(trace.leaves[i]) for i in at} - {None}
    step = next((s for s in trace.steps if s in first and s.lines), None)
    return lines.place(step.lines, step.name) if step else None


def _consumer(value: Value) -> Step | None:
    """The first operation that computes something of a value."""
    rest = [value]
    while rest:
        for step in rest.pop().consumers:
            if not step.moves_only:
                return step
            rest += step.outputs
    return None
