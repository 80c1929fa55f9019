"""torch.nn's average, power-average, adaptive and un-pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxconv import functional
from jaxconv._args import check_bool, check_divisor, check_norm_type
from jaxconv._layers.base import Layer
from jaxconv._spec import low_ends
from jaxconv._spec_pool import PoolSpec, adaptive_size, pool_spec, unpool_spec
from jaxconv.functional.avg_pooling import avg_pool_windows, lp_pool_windows
from jaxconv.functional.unpooling import max_unpool_windows

Size = int | tuple[int, ...]


def _named(prefix: str) -> dict[int, Any]:
    return {n: getattr(functional, f"{prefix}{n}d") for n in (1, 2, 3)}


class _Pool(Layer):
    """What is described by its functional."""

    ndim: ClassVar[int]
    _functions: ClassVar[dict[int, Any]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "ndim" in vars(cls):
            function = cls._functions[cls.ndim].__name__
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.{function}`.
    """


@dataclass(eq=False, repr=False)
class _AvgPool(_Pool):
    _functions = _named("avg_pool")

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

    def _forward(self, input: Any) -> Any:
        check_bool("count_include_pad", self.count_include_pad)
        return avg_pool_windows(self._spec(), input, self.count_include_pad)


@dataclass(eq=False, repr=False)
class _AvgPoolDivided(_AvgPool):
    divisor_override: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        check_divisor(self.divisor_override)
        return super()._normalised()

    def _forward(self, input: Any) -> Any:
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
class _LPPool(_Pool):
    _functions = _named("lp_pool")

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

    def _forward(self, input: Any) -> Any:
        return lp_pool_windows(self._spec(), input, check_norm_type(self.norm_type))


class LPPool1d(_LPPool):
    ndim = 1


class LPPool2d(_LPPool):
    ndim = 2


class LPPool3d(_LPPool):
    ndim = 3


@dataclass(eq=False, repr=False)
class _AdaptiveAvgPool(_Pool):
    _functions = _named("adaptive_avg_pool")

    output_size: Any

    def _normalised(self) -> Mapping[str, Any]:
        adaptive_size(type(self).__name__, self.output_size, (1,) * self.ndim)
        size = self.output_size
        return {"output_size": tuple(size)} if hasattr(size, "__len__") else {}

    def _forward(self, input: Any) -> Any:
        return self._functions[self.ndim](input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    ndim = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    ndim = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    ndim = 3


@dataclass(eq=False, repr=False)
class _AdaptiveMaxPool(_AdaptiveAvgPool):
    _functions = _named("adaptive_max_pool")

    return_indices: bool = False

    def _normalised(self) -> Mapping[str, Any]:
        check_bool("return_indices", self.return_indices)
        return super()._normalised()

    def _forward(self, input: Any) -> Any:
        return self._functions[self.ndim](input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    ndim = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    ndim = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    ndim = 3


@dataclass(eq=False, repr=False)
class _MaxUnpool(_Pool):
    _functions = _named("max_unpool")

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

    def _forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return max_unpool_windows(self._spec(), input, indices, output_size)


class MaxUnpool1d(_MaxUnpool):
    ndim = 1


class MaxUnpool2d(_MaxUnpool):
    ndim = 2


class MaxUnpool3d(_MaxUnpool):
    ndim = 3
