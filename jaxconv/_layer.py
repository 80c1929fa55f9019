"""What the NNX and the Linen layers share: arguments -> spec at construction, attributes -> functional call later."""

import math
from typing import Any, ClassVar, Protocol

import jax
from flax.typing import Dtype, Initializer, PrecisionLike, PromoteDtypeFn

from jaxconv import functional, init
from jaxconv._pad import pad_spatial
from jaxconv._spec import ConvSpec, check_conv_arrays, conv_spec, pool_spec
from jaxconv.functional._arrays import array

_CONV = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
_MAX_POOL = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}


class ConvLayer(Protocol):
    """The attributes of a convolution layer, read at every call, so that assigning to them works as in torch."""

    ndim: ClassVar[int]
    in_channels: Any
    out_channels: Any
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    groups: Any
    padding_mode: str
    dtype: Dtype | None
    precision: PrecisionLike
    promote_dtype: PromoteDtypeFn


class MaxPoolLayer(Protocol):
    """The attributes of a max pooling layer."""

    ndim: ClassVar[int]
    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    return_indices: bool
    ceil_mode: bool


def conv_layer_spec(layer: ConvLayer) -> ConvSpec:
    """The layer's spec; raises what `conv_spec` raises."""
    return conv_spec(
        layer.ndim,
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.groups,
        layer.padding_mode,
    )


def conv_initializers(
    spec: ConvSpec, weight_init: Initializer | None, bias_init: Initializer | None
) -> tuple[Initializer, Initializer]:
    """The given initialisers, or torch's (torch.nn.Conv2d: both uniform within 1 / sqrt(grouped fan-in))."""
    fan_in = math.prod(spec.weight_shape[1:])
    return weight_init or init.conv_weight, bias_init or init.conv_bias(fan_in)


def conv_forward(layer: ConvLayer, input: Any, weight: Any, bias: Any) -> jax.Array:
    """Casts by Flax's dtype rule, pads by `padding_mode`, convolves."""
    x, weight, bias = layer.promote_dtype((array("input", input), weight, bias), dtype=layer.dtype)
    padding = layer.padding
    if layer.padding_mode != "zeros":
        spec = conv_layer_spec(layer)
        check_conv_arrays(type(layer).__name__, spec, x.shape, None)
        x, padding = pad_spatial(x, spec.padding, layer.padding_mode), 0
    return _CONV[layer.ndim](
        x, weight, bias, layer.stride, padding, layer.dilation, layer.groups, precision=layer.precision
    )


def check_max_pool(layer: MaxPoolLayer) -> None:
    """Raises what `pool_spec` raises."""
    pool_spec(layer.ndim, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)


def max_pool_forward(layer: MaxPoolLayer, input: Any) -> Any:
    """Pools: an array, or (array, indices) with `return_indices`."""
    return _MAX_POOL[layer.ndim](
        input,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.dilation,
        layer.ceil_mode,
        layer.return_indices,
    )
