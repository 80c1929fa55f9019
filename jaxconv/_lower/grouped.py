"""Groups of more than a few channels: each is a dense convolution, or all are one batch of matrix products.

XLA's CPU compiler has no fast grouped convolution. Groups are never taken together as one, with zeros in the weight
between them, though that is as fast where they are narrow: an infinity in one group would be NaN in the others.
"""

import functools
import math
import operator
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import direct, flipped
from jaxconv._lower.planes import columns, pad, seen_by, tap_indices
from jaxconv._lower.product import Product

NARROW = 16
"""Below so many channels a group and for one sample, one batch of products is as fast as a convolution a group, and
compiles in a quarter of the time,"""
CACHED = 2**20
"""if there are no more columns than a processor's cache holds."""
MOST = 64
"""Convolutions that a product is taken apart into at most. Each takes XLA 0.05 to 0.1 s to compile."""


def can(p: Product) -> bool:
    """Whether there is more than one group."""
    return p.spec.groups > 1


def batched(p: Product, batch: Any) -> bool:
    """Whether the convolution or its gradient by x is one batch of matrix products, not a convolution a group."""
    if p.spec.groups > MOST:
        return True
    elements = p.spec.in_channels * p.taps * math.prod(p.out)
    return isinstance(batch, int) and batch == 1 and p.group_in < NARROW and elements <= CACHED


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product group by group, or batched."""
    if p.wanted == "weight":
        return _weight(p, a, b)
    if p.wanted == "x" and set(p.spec.stride) == {1}:
        return compute(*flipped.convolution(p, a, b))
    if not batched(p, p.batch(a, b)):
        return _split(p, a, b)
    return _x(p, a, b) if p.wanted == "x" else _y(p, a, b)


def _dense(p: Product) -> Product:
    """The product of one group."""
    return replace(p, spec=replace(p.spec, in_channels=p.group_in, out_channels=p.group_out, groups=1))


def _split(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """A convolution, or its gradient by x, for each group."""
    one, groups = _dense(p), p.spec.groups
    # The weight's groups are along its first axis, the planes' along their second.
    axes = [0 if role == "weight" else 1 for role in p.operands]
    parts = zip(jnp.split(a, groups, axes[0]), jnp.split(b, groups, axes[1]), strict=True)
    return lax.concatenate([direct.compute(one, *part) for part in parts], 1)


def _matrices(p: Product, n: int, weight: jax.Array) -> jax.Array:
    """(n, groups, C_out / groups, C_in / groups * taps)."""
    w = weight.reshape(1, p.spec.groups, p.group_out, p.group_in * p.taps)
    return jnp.broadcast_to(w, (n, *w.shape[1:]))


_BATCH = ((0, 1), (0, 1))


def _y(p: Product, x: jax.Array, weight: jax.Array) -> jax.Array:
    """im2col, and a product for each sample and group."""
    n = x.shape[0]
    seen = columns(p, x).reshape(n, p.spec.groups, p.group_in * p.taps, math.prod(p.out))
    y = lax.dot_general(_matrices(p, n, weight), seen, (((3,), (2,)), _BATCH), precision=p.precision)
    return y.reshape(p.shape(n))


def _x(p: Product, weight: jax.Array, dy: jax.Array) -> jax.Array:
    """A product for each sample and group, and its columns added to where im2col takes them from."""
    n, ndim = dy.shape[0], p.spec.ndim
    dy = dy.reshape(n, p.spec.groups, p.group_out, math.prod(p.out))
    seen = lax.dot_general(_matrices(p, n, weight), dy, (((2,), (2,)), _BATCH), precision=p.precision)
    seen = lax.optimization_barrier(seen).reshape(n, p.spec.in_channels, p.taps, *p.out)
    parts: list[jax.Array] = []
    for i, tap in enumerate(tap_indices(p.spec.kernel_size)):
        config = [(0, 0, 0), (0, 0, 0)]
        for d in range(ndim):
            stride, (low, _) = p.spec.stride[d], p.spec.padding[d]
            first = tap[d] * p.spec.dilation[d] - low
            config.append((first, p.size[d] - first - (p.out[d] - 1) * stride - 1, stride - 1))
        parts.append(lax.pad(seen[:, :, i], jnp.zeros((), seen.dtype), config))
    return functools.reduce(operator.add, parts)


def _weight(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    channels = p.group_in
    if channels >= 48:
        return _by_columns(p, x, dy) if p.spec.groups <= MOST else _by_taps(p, x, dy)
    return _by_taps(p, x, dy) if channels >= 32 else _by_positions(p, x, dy)


def _by_columns(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """im2col and a dot for each group."""
    one = _dense(p)
    dws = []
    for a, b in zip(jnp.split(x, p.spec.groups, 1), jnp.split(dy, p.spec.groups, 1), strict=True):
        seen = columns(one, a)
        b = b.reshape(b.shape[0], b.shape[1], seen.shape[2])
        dw = lax.dot_general(b, seen, (((2,), (2,)), ((0,), (0,))), precision=p.precision).sum(0)
        dws.append(dw)
    return lax.concatenate(dws, 0).reshape(p.spec.weight_shape)


def _by_taps(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """For each of the kernel's elements one dot, batched over the groups."""
    n, groups = x.shape[0], p.spec.groups
    padded = lax.optimization_barrier(pad(x, p.spec.padding))
    dy = dy.reshape(n, groups, p.group_out, -1)
    dws = []
    for tap in tap_indices(p.spec.kernel_size):
        seen = lax.optimization_barrier(seen_by(p, padded, tap)).reshape(n, groups, p.group_in, -1)
        dot = lax.dot_general(dy, seen, (((3,), (3,)), ((0, 1), (0, 1))), precision=p.precision)
        dws.append(dot.sum(0))
    return jnp.stack(dws, 3).reshape(p.spec.weight_shape)


def _by_positions(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """im2col with channels last, and one dot, batched over the groups."""
    n, groups, ndim = x.shape[0], p.spec.groups, p.spec.ndim
    x = pad(x, p.spec.padding)
    x = x.reshape(n, groups, p.group_in, *x.shape[2:])
    # Channels last; seen_by wants the spatial dimensions last, so they are sliced here by hand.
    x = lax.optimization_barrier(jnp.moveaxis(x, 2, -1))
    seen = []
    for tap in tap_indices(p.spec.kernel_size):
        window = (
            slice(i * d, i * d + (size - 1) * s + 1, s)
            for i, d, s, size in zip(tap, p.spec.dilation, p.spec.stride, p.out, strict=True)
        )
        seen.append(x[(slice(None), slice(None), *window)])
    rows = lax.optimization_barrier(lax.concatenate(seen, ndim + 2))
    rows = rows.reshape(n, groups, -1, p.taps * p.group_in)
    dy = dy.reshape(n, groups, p.group_out, -1)
    dw = lax.dot_general(dy, rows, (((3,), (2,)), ((0, 1), (0, 1))), precision=p.precision).sum(0)
    dw = dw.reshape(groups, p.group_out, p.taps, p.group_in).swapaxes(2, 3)
    return dw.reshape(p.spec.weight_shape)
