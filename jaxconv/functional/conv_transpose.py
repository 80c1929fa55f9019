"""torch.nn.functional's transposed convolutions."""

from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv import _lower
from jaxconv._spec import integer
from jaxconv._spec_transpose import check_conv_transpose_arrays, conv_transpose_spec
from jaxconv.functional._arrays import array, refuse_dtype, same_dtype
from jaxconv.functional.conv import add_bias

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
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: Any = 1,
        dilation: Any = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array: ...


def _make(ndim: int) -> _ConvTranspose:
    op = f"conv_transpose{ndim}d"

    def conv_transpose(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: Any = 1,
        dilation: Any = 1,
        *,
        precision: lax.PrecisionLike = None,
    ) -> jax.Array:
        x, w = array("input", input), array("weight", weight)
        b = None if bias is None else array("bias", bias)
        if w.ndim != ndim + 2:
            raise ValueError(
                f"Expected {ndim + 2}-dimensional `weight` (in_channels, out_channels / groups, *kernel_size) for "
                f"{op}, but got `weight` of shape {w.shape}"
            )
        same_dtype(op, input=x, weight=w, bias=b)
        refuse_dtype(op, x, jnp.bool_)
        if x.dtype != jax.dtypes.canonicalize_dtype(np.int64):
            refuse_dtype(op, x, jnp.integer)
        groups = integer("groups", groups)
        # Negative where `groups` is, but then the spec refuses `groups` first.
        out_channels = w.shape[1] * groups
        spec = conv_transpose_spec(
            ndim, w.shape[0], out_channels, w.shape[2:], stride, padding, output_padding, groups, dilation
        )
        check_conv_transpose_arrays(op, spec, x.shape, None if b is None else b.shape)
        batched = x.ndim == ndim + 2
        y = _lower.conv_transpose(spec, x if batched else x[None], w, precision=precision, wide=b is not None)
        if b is not None:
            y = add_bias(y, b)
        return y if batched else y[0]

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
