"""torch.nn's lazy layers as NNX modules."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from flax import nnx
from flax.errors import TraceContextError

from jaxconv._args import array
from jaxconv._layers import lazy
from jaxconv._layers.base import refuse_rngs
from jaxconv.nn._module import RNGS, ParamModule, check_rngs
from jaxconv.nn.layers import (
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


@dataclass(eq=False, repr=False)
class _Lazy(lazy.Lazy, ParamModule):
    """A layer that becomes another at its first call, when it makes what that one holds."""

    _becomes: ClassVar[type]

    def __post_init__(
        self, rngs: Any, weight_metadata: Mapping[str, Any], bias_metadata: Mapping[str, Any]
    ) -> None:
        refuse_rngs(self, RNGS)
        for name, value in self._normalised().items():
            setattr(self, name, value)
        with self._supposing(getattr(self, "groups", 1)):
            declared = {name: held for name, held in self._declared().items() if held is not None}
        if any(held.draws for held in declared.values()):
            check_rngs(rngs)
        for name, held in declared.items():
            if name != "bias":  # This attribute is still the argument.
                kind = nnx.BatchStat if held.buffer else nnx.Param
                setattr(self, name, nnx.data(kind(lazy.UninitializedParameter())))
        self._rngs = rngs
        self._metadata = (weight_metadata, bias_metadata)

    def __call__(self, input: Any, *more: Any, **options: Any) -> Any:
        """Makes the parameters at the first call, then applies the layer."""
        size = self._infer(array("input", input).shape)
        with self._supposing(size):
            self._declared()  # Refuses what does not fit before anything is changed.
        self._become(size)
        return self(input, *more, **options)

    def _become(self, size: int) -> None:
        """Turns this into the plain layer."""
        try:
            setattr(self, self._inferred, size)
        except TraceContextError as error:
            raise ValueError(
                f"{type(self).__name__} has no parameters yet, and cannot make them inside jit, grad or another "
                "transformation: call the layer once outside, on an example, or use the plain layer with "
                f"`{self._inferred}`"
            ) from error
        rngs, metadata = self._rngs, self._metadata
        del self._rngs, self._metadata
        object.__setattr__(self, "__class__", self._becomes)
        self.__post_init__(rngs, *metadata)


@dataclass(eq=False, repr=False)
class LazyConv1d(lazy.LazyChannels, _Lazy, Conv1d):
    _becomes = Conv1d


@dataclass(eq=False, repr=False)
class LazyConv2d(lazy.LazyChannels, _Lazy, Conv2d):
    _becomes = Conv2d


@dataclass(eq=False, repr=False)
class LazyConv3d(lazy.LazyChannels, _Lazy, Conv3d):
    _becomes = Conv3d


@dataclass(eq=False, repr=False)
class LazyConvTranspose1d(lazy.LazyChannels, _Lazy, ConvTranspose1d):
    _becomes = ConvTranspose1d


@dataclass(eq=False, repr=False)
class LazyConvTranspose2d(lazy.LazyChannels, _Lazy, ConvTranspose2d):
    _becomes = ConvTranspose2d


@dataclass(eq=False, repr=False)
class LazyConvTranspose3d(lazy.LazyChannels, _Lazy, ConvTranspose3d):
    _becomes = ConvTranspose3d


@dataclass(eq=False, repr=False)
class LazyLinear(lazy.LazyFeatures, _Lazy, Linear):
    _becomes = Linear


@dataclass(eq=False, repr=False)
class LazyBatchNorm1d(lazy.LazyNorm, _Lazy, BatchNorm1d):
    _becomes = BatchNorm1d


@dataclass(eq=False, repr=False)
class LazyBatchNorm2d(lazy.LazyNorm, _Lazy, BatchNorm2d):
    _becomes = BatchNorm2d


@dataclass(eq=False, repr=False)
class LazyBatchNorm3d(lazy.LazyNorm, _Lazy, BatchNorm3d):
    _becomes = BatchNorm3d


@dataclass(eq=False, repr=False)
class LazyInstanceNorm1d(lazy.LazyNorm, _Lazy, InstanceNorm1d):
    _becomes = InstanceNorm1d


@dataclass(eq=False, repr=False)
class LazyInstanceNorm2d(lazy.LazyNorm, _Lazy, InstanceNorm2d):
    _becomes = InstanceNorm2d


@dataclass(eq=False, repr=False)
class LazyInstanceNorm3d(lazy.LazyNorm, _Lazy, InstanceNorm3d):
    _becomes = InstanceNorm3d
