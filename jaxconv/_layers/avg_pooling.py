"""torch.nn's average, power-average, adaptive and un-pooling."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from jaxconv import functional
from jaxconv._layers.base import Layer
from jaxconv._spec import check_flag_type, pool_spec
from jaxconv._spec_pool import adaptive_size, unpool_spec
from jaxconv.functional.avg_pooling import check_divisor, check_norm_type

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

    def _normalised(self) -> Mapping[str, Any]:
        pool_spec(self.ndim, self.kernel_size, self.stride, self.padding, 1, self.ceil_mode)
        check_flag_type("count_include_pad", self.count_include_pad)
        return {"stride": self.kernel_size} if self.stride is None else {}

    def _arguments(self) -> tuple[Any, ...]:
        return (self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def _forward(self, input: Any) -> Any:
        return self._functions[self.ndim](input, *self._arguments())


@dataclass(eq=False, repr=False)
class _AvgPoolDivided(_AvgPool):
    divisor_override: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        check_divisor(self.divisor_override)
        return super()._normalised()

    def _arguments(self) -> tuple[Any, ...]:
        return (*super()._arguments(), self.divisor_override)


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

    def _normalised(self) -> Mapping[str, Any]:
        check_norm_type(self.norm_type)
        pool_spec(self.ndim, self.kernel_size, self.stride, 0, 1, self.ceil_mode)
        return {}

    def _forward(self, input: Any) -> Any:
        return self._functions[self.ndim](
            input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode
        )


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
        check_flag_type("return_indices", self.return_indices)
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

    def _normalised(self) -> Mapping[str, Any]:
        names = ("kernel_size", "stride", "padding")
        return dict(
            zip(names, unpool_spec(self.ndim, self.kernel_size, self.stride, self.padding), strict=True)
        )

    def _forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return self._functions[self.ndim](
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool1d(_MaxUnpool):
    ndim = 1


class MaxUnpool2d(_MaxUnpool):
    ndim = 2


class MaxUnpool3d(_MaxUnpool):
    ndim = 3
