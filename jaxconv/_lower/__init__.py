"""How a convolution is written for XLA: one file a lowering, and here what the rest of the library calls.

product.py says what is computed, choice.py by which lowering, primitive.py makes it known to JAX.
"""

import os
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import jax
from jax import lax

from jaxconv import _jax_internals as internals
from jaxconv._arrays import along
from jaxconv._dtypes import is_reduced
from jaxconv._lower import native as native
from jaxconv._lower import watch
from jaxconv._lower.choice import NAMES
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import Product
from jaxconv._rows import long_rows
from jaxconv._spec import ConvSpec, ConvTransposeSpec


def conv(
    spec: ConvSpec | ConvTransposeSpec,
    x: jax.Array,
    weight: jax.Array,
    bias: jax.Array | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """The convolution, or transposed one, of x (N, C_in, *size) or (C_in, *size), plus bias (C_out,)."""
    native.remind()
    if precision is None:
        # Read here: derivatives and lowerings are computed later, in another context.
        precision = internals.default_matmul_precision()
    batched = x.ndim == spec.ndim + 2
    images, weight = _varying_alike(x if batched else x[None], weight)
    size = images.shape[2:]
    # Reduced precision gives float32, as it was summed in, for a bias to be added before it is rounded.
    wide = bias is not None and is_reduced(x.dtype)
    if isinstance(spec, ConvTransposeSpec):
        product = Product("x", spec.convolution, spec.output_size(size), precision, wide)
        operands = weight, images
    else:
        product = Product("y", spec, size, precision, wide)
        operands = images, weight
    watch.tell(product, images.shape[0], x.dtype, _forced.value)
    y = conv_p.bind(*operands, product=product, forced=_forced.value, like=None)
    if bias is not None:
        y = _add_bias(y, bias)
    return y if batched else y[0]


def _add_bias(y: jax.Array, bias: jax.Array) -> jax.Array:
    """y (N, C, *size) plus bias (C,).

    Reduced precision is added in float32, of which y is then, and rounded once. Where the two nearly cancel, rounding
    y first would leave the sum with another sign. And the bias's gradient is the transpose of this broadcast, a sum
    over N * size terms, which in bfloat16 stagnates (1600 ones add up to 1024). torch accumulates it in float32 too.
    """
    rows = long_rows(y)
    total = rows + along(bias.astype(y.dtype), 1, rows.ndim)
    return total.astype(bias.dtype).reshape(y.shape)


def _varying_alike(*arrays: jax.Array) -> list[jax.Array]:
    """In shard_map, what is the same on all devices of an axis is made to vary where the other operand does."""
    axes = [internals.varying_axes(jax.typeof(a)) for a in arrays]
    union = frozenset().union(*axes)
    return [
        lax.pcast(a, tuple(union - own), to="varying") if union - own else a
        for a, own in zip(arrays, axes, strict=True)
    ]


def checked(name: str | None) -> str | None:
    """The name of a lowering, or None for the fastest known.

    Raises:
        ValueError: there is none of that name.
    """
    if name is not None and name not in NAMES:
        raise ValueError(f"`lowering` (={name!r}) must be one of {NAMES}, or None for the fastest known")
    return name


_forced: Any = jax.make_user_context(checked(os.environ.get("JAXCONV_LOWERING") or None))


def lowering(name: str | None) -> AbstractContextManager[None]:
    """Within `with lowering(name):` convolutions are computed that way wherever it can compute them.

    For finding out what is slow, or wrong. Programs compiled under another choice are not reused. It holds for this
    thread; the environment variable JAXCONV_LOWERING holds for the whole process.

    Args:
        name: 'direct' (XLA's own convolution), 'channels_last', 'nhwc', 'shift', 'grouped', 'pointwise', 'im2col',
            'patches', 'phases'; what it cannot compute is left to 'direct'. 'native': the kernels for CPUs that come
            with the package, which are the fastest known where they can be called. 'xla': the fastest known without
            them. None for the fastest known.

    Raises:
        ValueError: there is no lowering of that name.
    """
    return _forced(checked(name))


def in_layer(layer: Any, name: str | None) -> AbstractContextManager[Any]:
    """Convolutions within are the layer's own; `name` is as of `lowering`, None for what holds around the layer."""
    stack = ExitStack()
    stack.enter_context(watch.computing(layer))
    if name is not None:
        stack.enter_context(lowering(name))
    return stack
