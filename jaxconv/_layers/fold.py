"""torch.nn's Unfold and Fold."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv._functional.fold import fold_windows, unfold_windows
from jaxconv._layers.base import Layer
from jaxconv._spec_pool import PoolSpec, fold_size, fold_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["Fold", "Unfold"]


@dataclass(eq=False, repr=False)
class Unfold(Layer):
    """torch.nn.Unfold: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.unfold`.
    """

    kernel_size: Size
    dilation: Size = 1
    padding: Size = 0
    stride: Size = 1

    def _normalised(self) -> Mapping[str, Any]:
        self._spec()
        return {}

    def _spec(self) -> PoolSpec:
        return fold_spec(self.kernel_size, self.dilation, self.padding, self.stride)

    def _forward(self, input: ArrayLike) -> jax.Array:
        return unfold_windows(self._spec(), input)


@dataclass(eq=False, repr=False)
class Fold(Layer):
    """torch.nn.Fold: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.fold`.
    """

    output_size: Size
    kernel_size: Size
    dilation: Size = 1
    padding: Size = 0
    stride: Size = 1

    def _normalised(self) -> Mapping[str, Any]:
        fold_size(self.output_size)
        self._spec()
        return {}

    def _spec(self) -> PoolSpec:
        return fold_spec(self.kernel_size, self.dilation, self.padding, self.stride)

    def _forward(self, input: ArrayLike) -> jax.Array:
        return fold_windows(self._spec(), input, fold_size(self.output_size))
