"""How a convolution is written for XLA: one file a lowering, and here what the rest of the library calls.

product.py says what is computed, choice.py by which lowering, primitive.py makes it known to JAX.
"""

import os
from contextlib import AbstractContextManager, ExitStack
from typing import Any

import jax
from jax import lax

from jaxconv import _jax_internals as internals
from jaxconv._dtypes import is_reduced
from jaxconv._lower import native as native
from jaxconv._lower import watch
from jaxconv._lower.choice import NAMES
from jaxconv._lower.primitive import conv_p
from jaxconv._lower.product import Product
from jaxconv._spec import ConvSpec
from jaxconv._spec_transpose import ConvTransposeSpec


def conv(
    spec: ConvSpec,
    x: jax.Array,
    weight: jax.Array,
    *,
    precision: lax.PrecisionLike = None,
    wide: bool = False,
) -> jax.Array:
    """The convolution of x (N, C_in, *size) with weight (C_out, C_in / groups, *kernel), no bias.

    `wide`: half types give float32, as they were summed in, for a bias to be added before it is rounded.
    """
    product = Product("y", spec, x.shape[2:], _precision(precision), wide and is_reduced(x.dtype))
    watch.tell(product, x.shape[0], x.dtype, _forced.value)
    return _bind(product, x, weight)


def conv_transpose(
    spec: ConvTransposeSpec,
    x: jax.Array,
    weight: jax.Array,
    *,
    precision: lax.PrecisionLike = None,
    wide: bool = False,
) -> jax.Array:
    """The transposed convolution of x (N, C_in, *size) with weight (C_in, C_out / groups, *kernel), no bias.

    `wide` is as of `conv`.
    """
    size = spec.output_size(x.shape[2:])
    product = Product("x", spec.convolution, size, _precision(precision), wide and is_reduced(x.dtype))
    watch.tell(product, x.shape[0], x.dtype, _forced.value)
    return _bind(product, weight, x)


def _precision(given: lax.PrecisionLike) -> lax.PrecisionLike:
    # Read here: derivatives and lowerings are computed later, in another context.
    return internals.default_matmul_precision() if given is None else given


def _bind(product: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    native.remind()
    a, b = _varying_alike(a, b)
    return conv_p.bind(a, b, product=product, forced=_forced.value, like=None)


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
        name: 'direct' (XLA's own convolution), 'channels_last', 'shift', 'grouped', 'pointwise', 'im2col'; what it
            cannot compute is left to 'direct'. 'native': the kernels for CPUs that come with the package, which are
            the fastest known where they can be called. 'xla': the fastest known without them. None for the fastest
            known.

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
