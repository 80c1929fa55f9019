"""torch.nn's convolutions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
from flax.typing import PrecisionLike

from jaxconv import _lower, init
from jaxconv._args import array, check_flag
from jaxconv._functional.conv import operands
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._pad import pad_spatial
from jaxconv._spec import ConvSpec, ConvTransposeSpec, check_shapes, conv_spec, low_ends, weight_shape
from jaxconv._types import ArrayLike, ConvPadding, PaddingMode, Size

__all__ = ["Conv1d", "Conv2d", "Conv3d"]


class AnyConv(ParamLayer):
    """What convolutions and transposed ones share."""

    ndim: ClassVar[int]
    bias: bool

    def _spec(self, weight_shape: tuple[int, ...]) -> ConvSpec | ConvTransposeSpec:
        """The arguments, normalised; an attribute that is assigned another value counts from then on."""
        raise NotImplementedError

    def _weight_shape(self) -> tuple[int, ...]:
        raise NotImplementedError

    def _declared(self) -> dict[str, Declared | None]:
        spec = self._spec(self._weight_shape())
        bias_init = self.bias_init or init.conv_bias(math.prod(spec.weight_shape[1:]))
        return {
            "weight": Declared(spec.weight_shape, self.weight_init or init.conv_weight),
            "bias": Declared((spec.out_channels,), bias_init) if self.bias else None,
        }


@dataclass(eq=False, repr=False)
class _Conv(AnyConv):
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: ConvPadding = 0
    dilation: Size = 1
    groups: int = 1
    bias: bool = True
    padding_mode: PaddingMode = "zeros"
    precision: PrecisionLike = field(default=None, kw_only=True)
    lowering: str | None = field(default=None, kw_only=True)

    def _spec(self, weight_shape: tuple[int, ...]) -> ConvSpec:
        return conv_spec(
            self.ndim, weight_shape, self.stride, self.padding, self.dilation, self.groups, self.padding_mode
        )

    def _weight_shape(self) -> tuple[int, ...]:
        return weight_shape(self.ndim, self.in_channels, self.out_channels, self.kernel_size, self.groups)

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        spec = self._spec(self._weight_shape())
        check_flag("bias", self.bias)
        _lower.checked(self.lowering)
        # 'same' and 'valid' stay, as in torch.
        padding = self.padding if isinstance(self.padding, str) else low_ends(spec.padding)
        return {
            "kernel_size": spec.kernel_size,
            "stride": spec.stride,
            "padding": padding,
            "dilation": spec.dilation,
        }

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        cast = self._cast(array("input", input), held["weight"], held["bias"])
        op, padded = f"conv{self.ndim}d", self.padding_mode != "zeros"
        x, weight, bias = operands(op, *cast)
        spec = self._spec(weight.shape)
        check_shapes(type(self).__name__ if padded else op, spec, x, bias)
        if padded:
            x, spec = pad_spatial(x, spec.padding, self.padding_mode), spec.padded
        with _lower.in_layer(self, self.lowering):
            return _lower.conv(spec, x, weight, bias, precision=self.precision)


def _doc(ndim: int) -> str:
    size = ", ".join("DHW"[-ndim:])
    return f"""torch.nn.Conv{ndim}d: the same positional arguments, defaults, layouts, parameters and distribution.

    Parameters `weight` (out_channels, in_channels / groups, *kernel_size) and `bias` (out_channels,), both uniform in
    +-1 / sqrt(in_channels / groups * prod(kernel_size)) unless initialisers are given. The operation is
    `jaxconv.functional.conv{ndim}d`.

    Args:
        in_channels: channels of the input, (N, in_channels, {size}) or (in_channels, {size}).
        out_channels: channels of the output.
        kernel_size: int or a tuple of {ndim}.
        stride: int or a tuple of {ndim}.
        padding: int, a tuple of {ndim}, 'same' (stride 1 only) or 'valid'.
        dilation: int or a tuple of {ndim}; 1 is a dense kernel.
        groups: must divide both numbers of channels.
        bias: whether there is a bias.
        padding_mode: 'zeros', 'reflect', 'replicate' or 'circular'.
        dtype: of the computation: input and parameters are cast to it; None promotes them to a common one (Flax).
        param_dtype: of the parameters.
        precision: as in `jax.lax.conv_general_dilated`.
        lowering: how XLA is to compute it, as of `jaxconv.lowering`; None for what holds where it is called.
        weight_init: initialiser (key, shape, dtype) -> array; None for torch's distribution.
        bias_init: likewise.
        promote_dtype: how input and parameters are cast (Flax).
        rngs: NNX only: the stream `params` is drawn from (Linen's `init` takes the key).
        weight_metadata: NNX only: keyword arguments for the weight's `nnx.Param`, such as sharding.
        bias_metadata: likewise.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """


class Conv1d(_Conv):
    __doc__ = _doc(1)
    ndim = 1


class Conv2d(_Conv):
    __doc__ = _doc(2)
    ndim = 2


class Conv3d(_Conv):
    __doc__ = _doc(3)
    ndim = 3
