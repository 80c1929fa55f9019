"""torch.nn's padding."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Number
from typing import Any, ClassVar

import jax
import numpy as np

from jaxconv import functional
from jaxconv._args import integers, one_or_all
from jaxconv._given import wrong_type
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike, PadMode, Size

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


@dataclass(eq=False, repr=False)
class _Pad(Layer):
    ndim: ClassVar[int]
    _mode: ClassVar[PadMode]

    padding: Size

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

    def _forward(self, input: ArrayLike) -> jax.Array:
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
