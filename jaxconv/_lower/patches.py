"""A stride as large as the kernel, without padding: each element is met once, by one matrix product.

Patch embeddings, and upsampling by a transposed convolution of 2x2 with a stride of 2, are written so.
"""

import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower.planes import pad
from jaxconv._lower.product import Product


def can(p: Product) -> bool:
    """Whether the kernel is as large as the stride, and there is neither padding, nor dilation, nor a second group."""
    spec = p.spec
    plain = spec.groups == 1 and set(spec.dilation) == {1} and not any(map(any, spec.padding))
    return plain and spec.kernel_size == spec.stride and p.taps > 1


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product by one dot over patches."""
    n = p.batch(a, b)
    rows, length = n * math.prod(p.out), p.spec.in_channels * p.taps
    if p.wanted == "x":
        dy = jnp.moveaxis(b, 1, -1).reshape(rows, p.spec.out_channels)
        return _from_patches(p, n, lax.dot(dy, a.reshape(-1, length), precision=p.precision))
    seen = _to_patches(p, a).reshape(rows, length)
    if p.wanted == "y":
        y = lax.dot(seen, b.reshape(-1, length).T, precision=p.precision)
        return jnp.moveaxis(y.reshape(n, *p.out, -1), -1, 1)
    dy = jnp.moveaxis(b, 1, -1).reshape(rows, p.spec.out_channels)
    return lax.dot(dy.T, seen, precision=p.precision).reshape(p.spec.weight_shape)


def _axes(p: Product) -> list[int]:
    """(N, C, out, kernel, out, kernel, ...) from (N, *out, C, *kernel)."""
    ndim = p.spec.ndim
    return [0, ndim + 1, *(axis for d in range(ndim) for axis in (1 + d, ndim + 2 + d))]


def _to_patches(p: Product, x: jax.Array) -> jax.Array:
    pairs = [n for pair in zip(p.out, p.spec.kernel_size, strict=True) for n in pair]
    met = tuple(o * k for o, k in zip(p.out, p.spec.kernel_size, strict=True))
    x = x[(..., *map(slice, met))].reshape(*x.shape[:2], *pairs)
    axes = _axes(p)
    return x.transpose([axes.index(i) for i in range(x.ndim)])


def _from_patches(p: Product, n: int, patches: jax.Array) -> jax.Array:
    x = patches.reshape(n, *p.out, p.spec.in_channels, *p.spec.kernel_size).transpose(_axes(p))
    met = [o * k for o, k in zip(p.out, p.spec.kernel_size, strict=True)]
    rest = tuple((0, size - m) for size, m in zip(p.size, met, strict=True))
    return pad(x.reshape(n, p.spec.in_channels, *met), rest)
