"""torch.nn.functional's transposed convolutions."""

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv import _lower
from jaxconv._args import refuse_dtype
from jaxconv._functional import conv
from jaxconv._spec import (
    check_shapes,
    conv_transpose_spec,
)
from jaxconv._types import ArrayLike, Size

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

_DOC = """Applies a {n}D transposed convolution: torch.nn.functional.conv_transpose{n}d.

    The transpose, as a linear map, of the conv{n}d with the same weight, stride, padding, dilation and groups: what
    that one computes as its input's gradient. The output's size is (size - 1) stride - 2 padding +
    dilation (kernel_size - 1) + output_padding + 1 (torch.nn.ConvTranspose{n}d's documentation).

    Args:
        input: (N, C_in, {size}) or unbatched (C_in, {size}). N may be 0.
        weight: (C_in, C_out / groups, {kernel}), of the input's dtype.
        bias: (C_out,), of the input's dtype, or None.
        stride: int or a tuple of {n}: the distance, in the output, between what neighbouring elements add to.
        padding: int or a tuple of {n}: so much is cut off on both sides.
        output_padding: int or a tuple of {n}: makes the output larger at the end; smaller than stride or dilation.
        groups: divides the channels into groups that do not see each other.
        dilation: int or a tuple of {n}: the distance between the kernel's elements. 1 is a dense kernel.
        precision: as in `jax.lax.conv_general_dilated`. torch has no such argument.

    Returns:
        (N, C_out, *out) or (C_out, *out), in the input's dtype: floating, complex, or int64 (int32 where JAX's 64-bit
        types are off), which wraps around.

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: mixed dtypes, bool arrays, smaller integers, or an argument of the wrong type.
    """


class _ConvTranspose(Protocol):
    __name__: str

    def __call__(
        self,
        input: ArrayLike,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        dilation: Size = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array: ...


def operands(
    op: str, input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """The arrays of a transposed convolution, of one dtype that torch takes."""
    x, w, b = conv.operands(op, input, weight, bias)
    if x.dtype != jax.dtypes.canonicalize_dtype(np.int64):
        refuse_dtype(op, x, jnp.integer)
    return x, w, b


def _make(ndim: int) -> _ConvTranspose:
    op = f"conv_transpose{ndim}d"

    def conv_transpose(
        input: ArrayLike,
        weight: ArrayLike,
        bias: ArrayLike | None = None,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        dilation: Size = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array:
        x, w, b = operands(op, input, weight, bias)
        spec = conv_transpose_spec(ndim, w.shape, stride, padding, output_padding, groups, dilation)
        check_shapes(op, spec, x, b)
        return _lower.conv(spec, x, w, b, precision=precision)

    conv_transpose.__name__ = conv_transpose.__qualname__ = op
    conv_transpose.__doc__ = _DOC.format(
        n=ndim,
        size=", ".join("DHW"[-ndim:]),
        kernel=", ".join(f"k{axis}" for axis in "DHW"[-ndim:]),
    )
    return conv_transpose


conv_transpose1d = _make(1)
conv_transpose2d = _make(2)
conv_transpose3d = _make(3)
