"""torch.nn's convolutions as NNX modules."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from flax.nnx.nn.dtypes import promote_dtype as _promote_dtype
from flax.typing import Dtype, Initializer, PrecisionLike, PromoteDtypeFn

from jaxconv._layer import conv_forward, conv_initializers, conv_layer_spec


class _Conv(nnx.Module):
    """Parameters plus one functional call, for any number of dimensions."""

    ndim: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str | int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        dtype: Dtype | None = None,
        param_dtype: Dtype = jnp.float32,
        precision: PrecisionLike = None,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        promote_dtype: PromoteDtypeFn = _promote_dtype,
        rngs: nnx.Rngs,
        weight_metadata: Mapping[str, Any] = MappingProxyType({}),
        bias_metadata: Mapping[str, Any] = MappingProxyType({}),
    ):
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
        self.padding_mode = padding_mode
        self.dtype = dtype
        self.param_dtype = param_dtype
        self.precision = precision
        self.promote_dtype = promote_dtype
        spec = conv_layer_spec(self)
        # As torch normalises them: tuples, but 'same' and 'valid' stay.
        self.kernel_size, self.stride, self.dilation = spec.kernel_size, spec.stride, spec.dilation
        self.padding = padding if isinstance(padding, str) else tuple(low for low, _ in spec.padding)
        weight_init, bias_init = conv_initializers(spec, weight_init, bias_init)
        self.weight = nnx.Param(weight_init(rngs.params(), spec.weight_shape, param_dtype), **weight_metadata)
        self.bias: nnx.Param[jax.Array] | None = (
            nnx.Param(bias_init(rngs.params(), (spec.out_channels,), param_dtype), **bias_metadata)
            if bias
            else nnx.data(None)
        )

    def __call__(self, input: jax.Array) -> jax.Array:
        """The convolution of `input` (N, C_in, *size) or (C_in, *size); see the class."""
        return conv_forward(self, input, self.weight, self.bias)


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
        weight_init: initialiser (key, shape, dtype) -> array; None for torch's distribution.
        bias_init: likewise.
        promote_dtype: how input and parameters are cast (Flax).
        rngs: the stream `params` is drawn from.
        weight_metadata: keyword arguments for the weight's `nnx.Param`, such as sharding.
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
