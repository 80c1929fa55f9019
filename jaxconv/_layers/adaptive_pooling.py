"""torch.nn's adaptive pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv._args import check_bool
from jaxconv._layers._pool import Pool, named
from jaxconv._spec_pool import adaptive_size
from jaxconv._types import ArrayLike, SizeOrNone

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
]


@dataclass(eq=False, repr=False)
class _Adaptive(Pool):
    output_size: SizeOrNone

    def _normalised(self) -> Mapping[str, Any]:
        adaptive_size(type(self).__name__, self.output_size, (1,) * self.ndim)
        size: Any = self.output_size
        return {"output_size": tuple(size)} if hasattr(size, "__len__") else {}


class _AdaptiveAvgPool(_Adaptive):
    _functions = named("adaptive_avg_pool")

    def _forward(self, input: ArrayLike) -> jax.Array:
        output: jax.Array = self._functions[self.ndim](input, self.output_size)
        return output


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    ndim = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    ndim = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    ndim = 3


@dataclass(eq=False, repr=False)
class _AdaptiveMaxPool(_Adaptive):
    _functions = named("adaptive_max_pool")

    return_indices: bool = False

    def _normalised(self) -> Mapping[str, Any]:
        check_bool("return_indices", self.return_indices)
        return super()._normalised()

    def _forward(self, input: ArrayLike) -> jax.Array | tuple[jax.Array, jax.Array]:
        return self._functions[self.ndim](input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    ndim = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    ndim = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    ndim = 3
