"""Rows long enough for XLA's CPU compiler, and sums that it computes fast; values are not changed by it."""

import math

import jax
import jax.numpy as jnp
from jax import lax

SHORT_ROW = 32
"""Elements up to which a row is joined to the next ones."""


def long_rows(x: jax.Array) -> jax.Array:
    """x (N, C, *size) with positions joined where rows are short, to be reshaped again after what is done by element.

    XLA's CPU compiler makes a loop along the last dimension and nothing longer: of 7x7 planes it vectorises nothing,
    and `silu` takes several times as long as of rows of 49. For the memory it is all the same.
    """
    short = x.ndim > 3 and isinstance(x.shape[-1], int) and x.shape[-1] <= SHORT_ROW
    # Two dimensions that devices share are no one dimension.
    if not short or any(axis is not None for axis in jax.typeof(x).sharding.spec[2:]):
        return x
    return x.reshape(*x.shape[:2], -1) if x.size else x


def mean(x: jax.Array, axes: tuple[int, ...], keepdims: bool = False) -> jax.Array:
    """`jnp.mean`, over the last dimensions of float32 and float64 by a product with ones.

    A plain sum XLA's CPU compiler hands to YNNPACK, together with all that is done by element before it, which then
    takes up to five times as long (`silu`).
    """
    first = x.ndim - len(axes)
    size = x.shape[first:]
    plain = not 0 < first < x.ndim or sorted(axes) != list(range(first, x.ndim))
    plain = plain or x.dtype not in (jnp.float32, jnp.float64)
    plain = plain or not all(isinstance(n, int) and n > 0 for n in size)
    # A product over dimensions that devices share would have to say how the result is spread.
    if plain or any(axis is not None for axis in jax.typeof(x).sharding.spec[first:]):
        return jnp.mean(x, axes, keepdims=keepdims)
    over = ((tuple(axes), tuple(a - first for a in axes)), ((), ()))
    total = lax.dot_general(x, jnp.ones(size, x.dtype), over, precision=lax.Precision.HIGHEST)
    y = total / math.prod(size)
    return y.reshape(*y.shape, *(1,) * len(axes)) if keepdims else y
