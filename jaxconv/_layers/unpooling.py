"""torch.nn's max unpooling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv._functional.unpooling import max_unpool_windows
from jaxconv._layers._pool import Pool, named
from jaxconv._spec import low_ends
from jaxconv._spec_pool import PoolSpec, unpool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]


@dataclass(eq=False, repr=False)
class _MaxUnpool(Pool):
    _functions = named("max_unpool")

    kernel_size: Size
    stride: Size | None = None
    padding: Size = 0

    def _spec(self) -> PoolSpec:
        return unpool_spec(self.ndim, self.kernel_size, self.stride, self.padding)

    def _normalised(self) -> Mapping[str, Any]:
        spec = self._spec()
        return {
            "kernel_size": spec.kernel_size,
            "stride": spec.stride,
            "padding": low_ends(spec.padding),
        }

    def _forward(
        self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None
    ) -> jax.Array:
        return max_unpool_windows(self._spec(), input, indices, output_size)


class MaxUnpool1d(_MaxUnpool):
    ndim = 1


class MaxUnpool2d(_MaxUnpool):
    ndim = 2


class MaxUnpool3d(_MaxUnpool):
    ndim = 3
