"""torch.nn.functional's convolutions."""

from typing import Protocol

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv import _lower
from jaxconv._args import array, optional_array, refuse_dtype, same_dtype
from jaxconv._spec import check_shapes, conv_spec
from jaxconv._types import ArrayLike, ConvPadding, Size

__all__ = ["conv1d", "conv2d", "conv3d"]

_DOC = """Applies a {n}D convolution over an input of several planes: torch.nn.functional.conv{n}d.

    out[n, o] = bias[o] + sum over c of cross_correlation(weight[o, c], input[n, c]), where o and c are in the same
    group; with stride, padding and dilation the output's size is
    floor((size + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1 (torch.nn.Conv{n}d's documentation).

    Args:
        input: (N, C_in, {size}) or unbatched (C_in, {size}). N may be 0.
        weight: (C_out, C_in / groups, {kernel}), of the input's dtype.
        bias: (C_out,), of the input's dtype, or None.
        stride: int or a tuple of {n}.
        padding: int or a tuple of {n}: zeros on both sides; 'valid' (none); 'same' (the output is as large as the
            input; stride 1 only; an odd element goes to the end).
        dilation: int or a tuple of {n}: the distance between the kernel's elements. 1 is a dense kernel.
        groups: divides the channels into groups that do not see each other.
        precision: as in `jax.lax.conv_general_dilated`. torch has no such argument.

    Returns:
        (N, C_out, *out) or (C_out, *out), in the input's dtype: floating, complex or integer (which wraps around,
        as in torch).

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: mixed dtypes, bool arrays, or an argument of the wrong type.
    """


class _Conv(Protocol):
    __name__: str

    def __call__(
        self,
        input: ArrayLike,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        stride: Size = 1,
        padding: ConvPadding = 0,
        dilation: Size = 1,
        groups: int = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array: ...


def operands(
    op: str, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """The arrays of a convolution, of one dtype that torch takes."""
    x, w, b = array("input", input), array("weight", weight), optional_array("bias", bias)
    same_dtype(op, input=x, weight=w, bias=b)
    refuse_dtype(op, x, jnp.bool_)
    return x, w, b


def _make(ndim: int) -> _Conv:
    op = f"conv{ndim}d"

    def conv(
        input: ArrayLike,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        stride: Size = 1,
        padding: ConvPadding = 0,
        dilation: Size = 1,
        groups: int = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array:
        x, w, b = operands(op, input, weight, bias)
        spec = conv_spec(ndim, w.shape, stride, padding, dilation, groups)
        check_shapes(op, spec, x, b)
        return _lower.conv(spec, x, w, b, precision=precision)

    conv.__name__ = conv.__qualname__ = op
    conv.__doc__ = _DOC.format(
        n=ndim,
        size=", ".join("DHW"[-ndim:]),
        kernel=", ".join(f"k{axis}" for axis in "DHW"[-ndim:]),
    )
    return conv


conv1d = _make(1)
conv2d = _make(2)
conv3d = _make(3)
