"""torch.nn's layers that change nothing but the shape."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv import functional
from jaxconv._args import each_integer, integer
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike

__all__ = ["Flatten", "Unflatten"]


@dataclass(eq=False, repr=False)
class Flatten(Layer):
    """torch.nn.Flatten: the dimensions from `start_dim` to `end_dim` become one. No parameters.

    Args:
        start_dim: the first of them; the batch stays.
        end_dim: the last of them.

    Raises:
        ValueError: dimensions that the input does not have, or in the wrong order.
    """

    start_dim: int = 1
    end_dim: int = -1

    def _normalised(self) -> Mapping[str, Any]:
        integer("start_dim", self.start_dim), integer("end_dim", self.end_dim)
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.flatten(input, self.start_dim, self.end_dim)


@dataclass(eq=False, repr=False)
class Unflatten(Layer):
    """torch.nn.Unflatten: one dimension becomes several. No parameters.

    Args:
        dim: which. Names are refused: JAX has no named dimensions.
        unflattened_size: the sizes it becomes; one may be -1.

    Raises:
        ValueError: sizes that do not make up the dimension.
        TypeError: an argument of the wrong type.
    """

    dim: int
    unflattened_size: Sequence[int]

    def _normalised(self) -> Mapping[str, Any]:
        integer("dim", self.dim)
        if isinstance(self.unflattened_size, str) or not isinstance(self.unflattened_size, Sequence):
            raise TypeError(f"`unflattened_size` must be a tuple of ints, got {self.unflattened_size!r}")
        return {"unflattened_size": each_integer("unflattened_size", self.unflattened_size)}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.unflatten(input, self.dim, self.unflattened_size)
