"""Planes padded, and seen through a kernel's elements: what several lowerings begin with."""

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower.product import Product
from jaxconv._spec import Padding


def pad(x: jax.Array, padding: Padding) -> jax.Array:
    """x with zeros around its last dimensions; a negative amount crops.

    By concatenation: XLA's CPU compiler vectorises it, and not the conditions that lax.pad is turned into (40 %).
    """
    lead = x.ndim - len(padding)
    crop = [slice(max(-low, 0), -max(-high, 0) or None) for low, high in padding]
    x = x[(..., *crop)]
    for axis, (low, high) in reversed(list(enumerate(padding, lead))):
        parts = [_zeros(x, axis, n) if n > 0 else None for n in (low, high)]
        if parts != [None, None]:
            x = lax.concatenate([p for p in (parts[0], x, parts[1]) if p is not None], axis)
    return x


def _zeros(x: jax.Array, axis: int, n: int) -> jax.Array:
    return jnp.zeros((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype)


def tap_indices(kernel_size: Sequence[int]) -> list[tuple[int, ...]]:
    """The kernel's elements, the last dimension running fastest."""
    return list(itertools.product(*map(range, kernel_size)))


def seen_by(p: Product, padded: jax.Array, tap: Sequence[int]) -> jax.Array:
    """What one element of the kernel meets, of y's size: (..., *out)."""
    lead = padded.ndim - p.spec.ndim
    starts = [i * d for i, d in zip(tap, p.spec.dilation, strict=True)]
    ends = [a + (n - 1) * s + 1 for a, n, s in zip(starts, p.out, p.spec.stride, strict=True)]
    steps = (*(1,) * lead, *p.spec.stride)
    return lax.slice(padded, (*(0,) * lead, *starts), (*padded.shape[:lead], *ends), steps)


def columns(p: Product, x: jax.Array) -> jax.Array:
    """im2col: (N, C_in * taps, positions), of x (N, C_in, *size). Rows are ordered as the weight's."""
    seen = lax.optimization_barrier(pad(x, p.spec.padding))
    if p.spec.stride[-1] == 1:
        seen = lax.optimization_barrier(_stacked(p, seen, range(p.spec.ndim)))
    else:
        # In two steps: what a stride skips along a row is left out once, and not for each of the kernel's rows.
        seen = lax.optimization_barrier(_stacked(p, seen, [p.spec.ndim - 1]))
        seen = lax.optimization_barrier(_stacked(p, seen, range(p.spec.ndim - 1)))
    return seen.reshape(x.shape[0], x.shape[1] * p.taps, math.prod(p.out))


def _stacked(p: Product, x: jax.Array, dims: Sequence[int]) -> jax.Array:
    """What the kernel's elements along `dims` meet, as a new axis after the channels."""
    spec, lead = p.spec, x.ndim - p.spec.ndim
    parts = []
    for tap in itertools.product(*(range(spec.kernel_size[d]) for d in dims)):
        window = [slice(None)] * x.ndim
        for i, d in zip(tap, dims, strict=True):
            first = i * spec.dilation[d]
            window[lead + d] = slice(first, first + (p.out[d] - 1) * spec.stride[d] + 1, spec.stride[d])
        parts.append(x[tuple(window)])
    return jnp.stack(parts, 2)
