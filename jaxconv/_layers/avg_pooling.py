"""torch.nn's average and power-average pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv._args import check_bool, check_divisor, check_norm_type
from jaxconv._functional.avg_pooling import avg_pool_windows, lp_pool_windows
from jaxconv._layers._pool import Pool, named
from jaxconv._spec_pool import PoolSpec, pool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d"]


@dataclass(eq=False, repr=False)
class _AvgPool(Pool):
    _functions = named("avg_pool")

    kernel_size: Size
    stride: Size | None = None
    padding: Size = 0
    ceil_mode: bool = False
    count_include_pad: bool = True

    def _spec(self) -> PoolSpec:
        return pool_spec(self.ndim, self.kernel_size, self.stride, self.padding, 1, self.ceil_mode)

    def _normalised(self) -> Mapping[str, Any]:
        self._spec()
        check_bool("count_include_pad", self.count_include_pad)
        return {"stride": self.kernel_size} if self.stride is None else {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        check_bool("count_include_pad", self.count_include_pad)
        return avg_pool_windows(self._spec(), input, self.count_include_pad)


@dataclass(eq=False, repr=False)
class _AvgPoolDivided(_AvgPool):
    divisor_override: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        check_divisor(self.divisor_override)
        return super()._normalised()

    def _forward(self, input: ArrayLike) -> jax.Array:
        check_bool("count_include_pad", self.count_include_pad)
        divisor = check_divisor(self.divisor_override)
        return avg_pool_windows(self._spec(), input, self.count_include_pad, divisor)


class AvgPool1d(_AvgPool):
    ndim = 1


class AvgPool2d(_AvgPoolDivided):
    ndim = 2


class AvgPool3d(_AvgPoolDivided):
    ndim = 3


@dataclass(eq=False, repr=False)
class _LPPool(Pool):
    _functions = named("lp_pool")

    norm_type: float
    kernel_size: Size
    stride: Size | None = None
    ceil_mode: bool = False

    def _spec(self) -> PoolSpec:
        return pool_spec(self.ndim, self.kernel_size, self.stride, 0, 1, self.ceil_mode)

    def _normalised(self) -> Mapping[str, Any]:
        check_norm_type(self.norm_type)
        self._spec()
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return lp_pool_windows(self._spec(), input, check_norm_type(self.norm_type))


class LPPool1d(_LPPool):
    ndim = 1


class LPPool2d(_LPPool):
    ndim = 2


class LPPool3d(_LPPool):
    ndim = 3
