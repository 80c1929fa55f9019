"""What both sides compute: arrays, and the steps that make them from others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import torch

Line = tuple[str, int]
"""A file and the number of a line in it."""


class Value:
    """One array.

    Args:
        data: torch's tensor or JAX's array, in float64 if it is floating.
        moves: whether it depends on the network's inputs or parameters.
        producer: the step that makes it; None for inputs, parameters and constants.

    `pending` counts who still reads the numbers while the network runs, `kept` says whether they stay afterwards.
    """

    def __init__(self, data: Any, moves: bool, producer: "Step | None" = None):
        self.data, self.moves, self.producer = data, moves, producer
        self.consumers: list[Step] = []
        self.pending = 0
        self.kept = True
        self.shape = tuple(data.shape)
        self.size = int(np.prod(self.shape))
        is_tensor = isinstance(data, torch.Tensor)
        self.floating = data.is_floating_point() if is_tensor else np.dtype(data.dtype).kind == "f"

    @property
    def array(self) -> np.ndarray:
        """Its numbers."""
        data = self.data.detach() if isinstance(self.data, torch.Tensor) else self.data
        return np.asarray(data)

    @cached_property
    def moments(self) -> np.ndarray:
        """What is left if the elements are put in another order: the mean, and two roots of means of powers."""
        x = self.array.ravel()
        x = x[np.isfinite(x)]
        if not x.size:
            return np.zeros(3)
        scale = np.abs(x).max() or 1.0
        y = x / scale
        return scale * np.array([np.mean(y), np.sqrt(np.mean(y**2)), np.mean(y**4) ** 0.25])

    def becomes(self, data: torch.Tensor) -> None:
        """Takes other numbers."""
        self.data, self.shape, self.size = data, tuple(data.shape), data.numel()
        self.__dict__.pop("moments", None)

    def forget(self) -> None:
        """Gives the numbers' memory back if they are not to be kept and nobody needs them; the moments stay."""
        if not self.kept and not self.pending and self.data is not None:
            _ = self.moments if self.floating else None
            self.data = None


@dataclass(eq=False)
class Step:
    """One operation of torch's or one equation of the Flax network's.

    Attributes:
        name: of the ATen operation or the primitive.
        inputs, outputs: arrays.
        lines: the user's that make it, the innermost first.
        moves_only: whether it leaves all numbers as they are and only lays them out.
        layer: torch's path of the layer that it belongs to.
        compute: torch's operation.
        arguments: its arguments, values in the place of tensors.
        params: of the equation.
    """

    name: str
    inputs: list[Value]
    outputs: list[Value]
    lines: tuple[Line, ...]
    moves_only: bool
    layer: str = ""
    compute: Callable[..., Any] | None = None
    arguments: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
    params: dict[str, Any] = field(default_factory=dict)


@dataclass
class Trace:
    """A network on one input, step by step.

    Attributes:
        steps: in their order.
        outputs: the network's floating outputs.
        leaves: its inputs and parameters.
        names: torch's parameters and buffers.
        complete: whether all values have their numbers.
    """

    steps: list[Step] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    leaves: list[Value] = field(default_factory=list)
    names: dict[Value, str] = field(default_factory=dict)
    complete: bool = True

    def values(self) -> Iterator[Value]:
        """All that it computes or is given."""
        yield from self.leaves
        yield from self.computed()

    def computed(self) -> Iterator[Value]:
        """All that it computes."""
        for step in self.steps:
            yield from step.outputs

    def add(self, step: Step) -> None:
        """Enters a step, and what it makes and takes."""
        self.steps.append(step)
        for value in step.inputs:
            value.consumers.append(step)
        for value in step.outputs:
            value.producer = step


class Memory:
    """Keeps values until a limit is reached; of what comes before `skip` or after that only the moments.

    Args:
        trace: with the values.
        limit: bytes.
        skip: how many values at the beginning are not kept.
    """

    def __init__(self, trace: Trace, limit: int, skip: int):
        self.trace, self.limit, self.skip = trace, limit, skip
        self.held = self.count = 0

    def keep(self, values: Sequence[Value]) -> None:
        """Decides which new values keep their numbers; the others forget them as soon as no operation needs them."""
        for value in values:
            size = 8 * value.size
            if self.count < self.skip or self.held + size > self.limit:
                value.kept = self.trace.complete = False
            else:
                self.held += size
            self.count += 1
