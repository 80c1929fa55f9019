"""torch.nn's lazy layers as Linen modules."""

from typing import Any

from jaxconv._args import array
from jaxconv._layers import lazy
from jaxconv.linen._module import ParamModule
from jaxconv.linen.layers import (
    BatchNorm1d,
    BatchNorm2d,
    BatchNorm3d,
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    InstanceNorm1d,
    InstanceNorm2d,
    InstanceNorm3d,
    Linear,
)

__all__ = [
    "LazyBatchNorm1d",
    "LazyBatchNorm2d",
    "LazyBatchNorm3d",
    "LazyConv1d",
    "LazyConv2d",
    "LazyConv3d",
    "LazyConvTranspose1d",
    "LazyConvTranspose2d",
    "LazyConvTranspose3d",
    "LazyInstanceNorm1d",
    "LazyInstanceNorm2d",
    "LazyInstanceNorm3d",
    "LazyLinear",
]


class _Lazy(lazy.Lazy, ParamModule):
    """A layer that looks at its input before it makes what it holds."""

    def __call__(self, input: Any, *more: Any, **options: Any) -> Any:
        """Applies the layer, whose sizes the input tells."""
        with self._supposing(self._infer(array("input", input).shape)):
            return super().__call__(input, *more, **options)


class LazyConv1d(lazy.LazyChannels, _Lazy, Conv1d):
    pass


class LazyConv2d(lazy.LazyChannels, _Lazy, Conv2d):
    pass


class LazyConv3d(lazy.LazyChannels, _Lazy, Conv3d):
    pass


class LazyConvTranspose1d(lazy.LazyChannels, _Lazy, ConvTranspose1d):
    pass


class LazyConvTranspose2d(lazy.LazyChannels, _Lazy, ConvTranspose2d):
    pass


class LazyConvTranspose3d(lazy.LazyChannels, _Lazy, ConvTranspose3d):
    pass


class LazyLinear(lazy.LazyFeatures, _Lazy, Linear):
    pass


class LazyBatchNorm1d(lazy.LazyNorm, _Lazy, BatchNorm1d):
    pass


class LazyBatchNorm2d(lazy.LazyNorm, _Lazy, BatchNorm2d):
    pass


class LazyBatchNorm3d(lazy.LazyNorm, _Lazy, BatchNorm3d):
    pass


class LazyInstanceNorm1d(lazy.LazyNorm, _Lazy, InstanceNorm1d):
    pass


class LazyInstanceNorm2d(lazy.LazyNorm, _Lazy, InstanceNorm2d):
    pass


class LazyInstanceNorm3d(lazy.LazyNorm, _Lazy, InstanceNorm3d):
    pass
