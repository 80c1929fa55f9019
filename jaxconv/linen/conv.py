"""torch.nn's convolutions as Linen modules."""

from dataclasses import field
from typing import ClassVar

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.nnx.nn.dtypes import promote_dtype as _promote_dtype
from flax.typing import Dtype, Initializer, PrecisionLike, PromoteDtypeFn

from jaxconv._layer import conv_forward, conv_initializers, conv_layer_spec


class _Conv(nn.Module):
    ndim: ClassVar[int]

    in_channels: int
    out_channels: int
    kernel_size: int | tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    padding: str | int | tuple[int, ...] = 0
    dilation: int | tuple[int, ...] = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"
    dtype: Dtype | None = field(default=None, kw_only=True)
    param_dtype: Dtype = field(default=jnp.float32, kw_only=True)
    precision: PrecisionLike = field(default=None, kw_only=True)
    weight_init: Initializer | None = field(default=None, kw_only=True)
    bias_init: Initializer | None = field(default=None, kw_only=True)
    promote_dtype: PromoteDtypeFn = field(default=_promote_dtype, kw_only=True)

    def __post_init__(self) -> None:
        conv_layer_spec(self)  # A bad argument is refused where it is written, not at the first call.
        super().__post_init__()

    @nn.compact
    def __call__(self, input: jax.Array) -> jax.Array:
        """The convolution of `input` (N, C_in, *size) or (C_in, *size); see the class."""
        spec = conv_layer_spec(self)
        weight_init, bias_init = conv_initializers(spec, self.weight_init, self.bias_init)
        weight = self.param("weight", weight_init, spec.weight_shape, self.param_dtype)
        bias = self.param("bias", bias_init, (spec.out_channels,), self.param_dtype) if self.bias else None
        return conv_forward(self, input, weight, bias)


def _doc(ndim: int) -> str:
    return f"""torch.nn.Conv{ndim}d for Linen: `jaxconv.Conv{ndim}d`'s arguments, parameters and errors.

    `init` gives {{'params': {{'weight': ..., 'bias': ...}}}}, the weight (out_channels, in_channels / groups,
    *kernel_size), the bias (out_channels,). There is no `rngs`: `init` takes the key. Partitioning is told by
    the initialisers (`nn.with_partitioning`).
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
