"""torch.nn's padding, folding and shuffling."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any, ClassVar

import numpy as np

from jaxconv import functional
from jaxconv._args import integers, one_or_all, positive, wrong_type
from jaxconv._layers.base import Layer
from jaxconv._spec_pool import PoolSpec, fold_size, fold_spec
from jaxconv.functional.fold import fold_windows, unfold_windows


@dataclass(eq=False, repr=False)
class _Pad(Layer):
    ndim: ClassVar[int]
    _mode: ClassVar[str]

    padding: int | tuple[int, ...]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "ndim" in vars(cls):
            value = "\n        value: the filling." if issubclass(cls, _ConstantPad) else ""
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments. No parameters.

    Args:
        padding: (low, high) of the last dimension, then of the one before it, {2 * cls.ndim} ints, or an int for all.
            A negative amount crops.{value}

    Raises:
        ValueError: another number of ints; amounts beyond the limits of `jaxconv.functional.pad`.
        TypeError: an argument of the wrong type.
    """

    def _normalised(self) -> Mapping[str, Any]:
        return {"padding": one_or_all("padding", self.padding, 2 * self.ndim)}

    def _forward(self, input: Any) -> Any:
        padding = integers("padding", self.padding, 2 * self.ndim)
        return functional.pad(input, padding, self._mode, getattr(self, "value", None))


@dataclass(eq=False, repr=False)
class _ConstantPad(_Pad):
    _mode = "constant"

    value: float

    def _normalised(self) -> Mapping[str, Any]:
        if not isinstance(self.value, Number | np.generic):
            raise wrong_type("value", "a number", self.value)
        return super()._normalised()


class _ZeroPad(_Pad):
    _mode = "constant"


class _ReflectionPad(_Pad):
    _mode = "reflect"


class _ReplicationPad(_Pad):
    _mode = "replicate"


class _CircularPad(_Pad):
    _mode = "circular"


class ConstantPad1d(_ConstantPad):
    ndim = 1


class ConstantPad2d(_ConstantPad):
    ndim = 2


class ConstantPad3d(_ConstantPad):
    ndim = 3


class ZeroPad1d(_ZeroPad):
    ndim = 1


class ZeroPad2d(_ZeroPad):
    ndim = 2


class ZeroPad3d(_ZeroPad):
    ndim = 3


class ReflectionPad1d(_ReflectionPad):
    ndim = 1


class ReflectionPad2d(_ReflectionPad):
    ndim = 2


class ReflectionPad3d(_ReflectionPad):
    ndim = 3


class ReplicationPad1d(_ReplicationPad):
    ndim = 1


class ReplicationPad2d(_ReplicationPad):
    ndim = 2


class ReplicationPad3d(_ReplicationPad):
    ndim = 3


class CircularPad1d(_CircularPad):
    ndim = 1


class CircularPad2d(_CircularPad):
    ndim = 2


class CircularPad3d(_CircularPad):
    ndim = 3


@dataclass(eq=False, repr=False)
class Unfold(Layer):
    """torch.nn.Unfold: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.unfold`.
    """

    kernel_size: int | tuple[int, int]
    dilation: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0
    stride: int | tuple[int, int] = 1

    def _normalised(self) -> Mapping[str, Any]:
        self._spec()
        return {}

    def _spec(self) -> PoolSpec:
        return fold_spec(self.kernel_size, self.dilation, self.padding, self.stride)

    def _forward(self, input: Any) -> Any:
        return unfold_windows(self._spec(), input)


@dataclass(eq=False, repr=False)
class Fold(Layer):
    """torch.nn.Fold: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.fold`.
    """

    output_size: int | tuple[int, int]
    kernel_size: int | tuple[int, int]
    dilation: int | tuple[int, int] = 1
    padding: int | tuple[int, int] = 0
    stride: int | tuple[int, int] = 1

    def _normalised(self) -> Mapping[str, Any]:
        fold_size(self.output_size)
        self._spec()
        return {}

    def _spec(self) -> PoolSpec:
        return fold_spec(self.kernel_size, self.dilation, self.padding, self.stride)

    def _forward(self, input: Any) -> Any:
        return fold_windows(self._spec(), input, fold_size(self.output_size))


@dataclass(eq=False, repr=False)
class PixelShuffle(Layer):
    """torch.nn.PixelShuffle: (..., C r^2, H, W) to (..., C, H r, W r). No parameters.

    Args:
        upscale_factor: r.

    Raises:
        ValueError: a factor that is not positive, or does not fit the input's channels.
        TypeError: a factor that is no int.
    """

    upscale_factor: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("upscale_factor", self.upscale_factor)
        return {}

    def _forward(self, input: Any) -> Any:
        return functional.pixel_shuffle(input, self.upscale_factor)


@dataclass(eq=False, repr=False)
class PixelUnshuffle(Layer):
    """torch.nn.PixelUnshuffle: (..., C, H r, W r) to (..., C r^2, H, W). No parameters.

    Args:
        downscale_factor: r.

    Raises:
        ValueError: a factor that is not positive, or does not fit the input's size.
        TypeError: a factor that is no int.
    """

    downscale_factor: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("downscale_factor", self.downscale_factor)
        return {}

    def _forward(self, input: Any) -> Any:
        return functional.pixel_unshuffle(input, self.downscale_factor)


@dataclass(eq=False, repr=False)
class ChannelShuffle(Layer):
    """torch.nn.ChannelShuffle: takes a channel from each of `groups` groups in turn. No parameters.

    Args:
        groups: must divide the input's channels.

    Raises:
        ValueError: groups that are not positive, or do not fit the input.
        TypeError: groups that are no int.
    """

    groups: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("groups", self.groups)
        return {}

    def _forward(self, input: Any) -> Any:
        return functional.channel_shuffle(input, self.groups)
