"""torch.nn's lazy layers: what is left out of the constructor, and how the first input tells it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jaxconv._args import check_rank, check_spatial_input
from jaxconv._layers.base import ParamLayer
from jaxconv._layers.conv_transpose import _ConvTranspose


class UninitializedParameter:
    """In the place of an array until the first input: whoever wants an array, jit or state_dict say, refuses it."""

    def __repr__(self) -> str:
        return "UninitializedParameter(made at the layer's first call)"


class Lazy(ParamLayer):
    """A layer one of whose sizes is 0 until an input comes."""

    _inferred: ClassVar[str]

    def _infer(self, shape: tuple[int, ...]) -> int:
        """The size in the input's shape."""
        raise NotImplementedError

    def _stored(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        """The size in the shapes of a checkpoint's arrays; None if they do not tell."""
        raise NotImplementedError

    @contextmanager
    def _supposing(self, size: int) -> Iterator[None]:
        """As if the size were known. Linen's modules are frozen."""
        object.__setattr__(self, self._inferred, size)
        try:
            yield
        finally:
            object.__setattr__(self, self._inferred, 0)

    def _normalised(self) -> Mapping[str, Any]:
        with self._supposing(getattr(self, "groups", 1)):
            return {name: v for name, v in super()._normalised().items() if name != self._inferred}


@dataclass(eq=False, repr=False)
class LazyChannels(Lazy):
    """torch.nn's lazy convolutions: the plain layer without `in_channels`, which the first input tells.

    NNX: the first call makes the parameters, from `rngs` as it is then, and turns the layer into the plain one, type
    and all; so does `load_state_dict` in the new model. Until then jit, grad, state_dict and optimizers refuse it: call
    the model once on an example, outside of jit, or within the function that makes the model. Linen: the parameters
    are made at `init`, as always.
    """

    _inferred = "in_channels"
    ndim: ClassVar[int]
    in_channels: int = field(default=0, init=False)

    def _infer(self, shape: tuple[int, ...]) -> int:
        check_spatial_input(type(self).__name__, self.ndim, shape)
        return shape[-self.ndim - 1]

    def _stored(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        weight = shapes.get("weight", ())
        if len(weight) != self.ndim + 2:
            return None
        return weight[0] if isinstance(self, _ConvTranspose) else weight[1] * getattr(self, "groups", 1)


@dataclass(eq=False, repr=False)
class LazyFeatures(Lazy):
    """torch.nn.LazyLinear: Linear without `in_features`, which the first input tells.

    NNX: the first call makes the parameters, from `rngs` as it is then, and turns the layer into a Linear, type and
    all; so does `load_state_dict` in the new model. Until then jit, grad, state_dict and optimizers refuse it: call the
    model once on an example, outside of jit, or within the function that makes the model. Linen: the parameters are
    made at `init`, as always.
    """

    _inferred = "in_features"
    in_features: int = field(default=0, init=False)

    def _infer(self, shape: tuple[int, ...]) -> int:
        if not shape:
            raise ValueError(f"{type(self).__name__} expected `input` (*, in_features), got shape {shape}")
        return shape[-1]

    def _stored(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        weight = shapes.get("weight", ())
        return weight[1] if len(weight) == 2 else None


@dataclass(eq=False, repr=False)
class LazyNorm(Lazy):
    """torch.nn's lazy norms: the plain layer without `num_features`, which the first input tells.

    As in torch, `affine` and `track_running_stats` are True unless given, InstanceNorm's too.

    NNX: the first call makes the parameters and buffers, and turns the layer into the plain one, type and all; so does
    `load_state_dict` in the new model. Until then jit, grad, state_dict and optimizers refuse it: call the model once
    on an example, outside of jit, or within the function that makes the model. Linen: the parameters are made at
    `init`, as always.
    """

    _inferred = "num_features"
    ndim: ClassVar[int]
    num_features: int = field(default=0, init=False)
    affine: bool = True
    track_running_stats: bool = True

    def _infer(self, shape: tuple[int, ...]) -> int:
        batched: tuple[int, ...] | None = getattr(self, "_ranks", None)  # BatchNorm's: always with a batch
        ranks = batched or (self.ndim + 1, self.ndim + 2)
        check_rank(type(self).__name__, shape, ranks)
        return shape[1] if batched else shape[-self.ndim - 1]

    def _stored(self, shapes: Mapping[str, tuple[int, ...]]) -> int | None:
        return next(
            (shapes[name][0] for name in ("weight", "running_mean") if len(shapes.get(name, ())) == 1), None
        )
