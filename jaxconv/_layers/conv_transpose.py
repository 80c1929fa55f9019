"""torch.nn's transposed convolutions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import jax
from flax.typing import PrecisionLike

from jaxconv import _lower
from jaxconv._args import array, check_flag
from jaxconv._functional.conv_transpose import operands
from jaxconv._layers.conv import AnyConv
from jaxconv._spec import (
    ConvTransposeSpec,
    check_shapes,
    conv_transpose_spec,
    low_ends,
    weight_shape,
    with_output_size,
)
from jaxconv._types import ArrayLike, Size

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


@dataclass(eq=False, repr=False)
class _ConvTranspose(AnyConv):
    in_channels: int
    out_channels: int
    kernel_size: Size
    stride: Size = 1
    padding: Size = 0
    output_padding: Size = 0
    groups: int = 1
    bias: bool = True
    dilation: Size = 1
    padding_mode: Literal["zeros"] = "zeros"
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _spec(self, weight_shape: tuple[int, ...]) -> ConvTransposeSpec:
        return conv_transpose_spec(
            self.ndim,
            weight_shape,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def _weight_shape(self) -> tuple[int, ...]:
        return weight_shape(
            self.ndim, self.in_channels, self.out_channels, self.kernel_size, self.groups, transposed=True
        )

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        if self.padding_mode != "zeros":
            raise ValueError(
                f"`padding_mode` (={self.padding_mode!r}): only 'zeros' padding mode is supported for "
                f"{type(self).__name__}"
            )
        spec = self._spec(self._weight_shape())
        check_flag("bias", self.bias)
        names = ("kernel_size", "stride", "output_padding", "dilation")
        return {"padding": low_ends(spec.padding)} | {name: getattr(spec, name) for name in names}

    def _forward(
        self, held: Mapping[str, Any], input: ArrayLike, output_size: Sequence[int] | None = None
    ) -> jax.Array:
        cast = self._cast(array("input", input), held["weight"], held["bias"])
        op = f"conv_transpose{self.ndim}d"
        x, weight, bias = operands(op, *cast)
        spec = self._spec(weight.shape)
        if output_size is not None:
            spec = with_output_size(spec, x.shape, output_size)
        check_shapes(op, spec, x, bias)
        with _lower.in_layer(self, None):
            return _lower.conv(spec, x, weight, bias, precision=self.precision)


def _doc(ndim: int) -> str:
    size = ", ".join("DHW"[-ndim:])
    return f"""torch.nn.ConvTranspose{ndim}d: the same arguments, defaults, layouts, parameters and distribution.

    Parameters `weight` (in_channels, out_channels / groups, *kernel_size) and `bias` (out_channels,), both uniform in
    +-1 / sqrt(out_channels / groups * prod(kernel_size)) unless initialisers are given. The operation is
    `jaxconv.functional.conv_transpose{ndim}d`. A call takes `output_size`, too: the output's spatial size or whole
    shape, one of the `stride` sizes from which a convolution makes the input's size, in the place of `output_padding`.

    Args:
        in_channels: channels of the input, (N, in_channels, {size}) or (in_channels, {size}).
        out_channels: channels of the output.
        kernel_size: int or a tuple of {ndim}.
        stride: int or a tuple of {ndim}.
        padding: int or a tuple of {ndim}: so much is cut off on both sides.
        output_padding: int or a tuple of {ndim}: makes the output larger at the end; smaller than stride or dilation.
        groups: must divide both numbers of channels.
        bias: whether there is a bias.
        dilation: int or a tuple of {ndim}; 1 is a dense kernel.
        padding_mode: 'zeros'.
        dtype: of the computation: input and parameters are cast to it; None promotes them to a common one (Flax).
        param_dtype: of the parameters.
        precision: as in `jax.lax.conv_general_dilated`.
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


class ConvTranspose1d(_ConvTranspose):
    __doc__ = _doc(1)
    ndim = 1


class ConvTranspose2d(_ConvTranspose):
    __doc__ = _doc(2)
    ndim = 2


class ConvTranspose3d(_ConvTranspose):
    __doc__ = _doc(3)
    ndim = 3
