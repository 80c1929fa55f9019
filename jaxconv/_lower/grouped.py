"""Groups of more than a few channels: a dense convolution for each, or matrix products for lots of them, lot by lot.

XLA's CPU compiler has no fast grouped convolution. Groups are never taken together as one, with zeros in the weight
between them, though that is as fast where they are narrow: an infinity in one group would be NaN in the others.
"""

import functools
import itertools
import math
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import direct, flipped
from jaxconv._lower.planes import columns, pad, tap_indices
from jaxconv._lower.product import Product

WIDE = 48
"""From so many channels a group, matrix products in a loop are faster than a convolution a group,"""
POSITIONS = 1024
"""up to so many output positions of one sample."""
NARROW = 24
"""Below so many channels a group they are as fast, and compile in a third of the time,"""
COLUMNS = 2**20
"""up to so many elements of all the groups' columns, of one sample."""
CACHED = 2**18
"""Elements of columns that are made at once. More leave the cache, and the memory for them is new each time."""
UNROLLED = 8
"""Lots of groups that are not wide are written out one after another; more lots are a loop, as wide groups always."""
MOST = 64
"""Convolutions that a product is taken apart into at most: each has to be compiled."""


def can(p: Product) -> bool:
    """Whether there is more than one group."""
    return p.spec.groups > 1


def by_products(p: Product, batch: Any) -> bool:
    """Whether it is computed by matrix products, not by a convolution a group."""
    if p.wanted == "x" and set(p.spec.stride) == {1}:
        return by_products(flipped.product(p), batch)
    if p.wanted == "weight" or p.spec.groups > MOST:
        return True
    if not isinstance(batch, int) or batch > 1:
        return False
    if p.group_in < WIDE:
        return p.group_in < NARROW and _elements(p, batch) * p.spec.groups <= COLUMNS
    return p.wanted == "y" and math.prod(p.out) <= POSITIONS


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product group by group, or lot by lot; the gradient by the weight for each share of the samples."""
    if p.wanted == "x" and set(p.spec.stride) == {1}:
        return compute(*flipped.convolution(p, a, b))
    if not by_products(p, p.batch(a, b)):
        return _split(p, a, b)
    return _in_lots({"y": _y, "x": _x, "weight": _weights}[p.wanted], p, a, b)


def _elements(p: Product, batch: int) -> int:
    """Of the columns of one group."""
    return batch * p.group_in * p.taps * math.prod(p.out)


def _of_groups(p: Product, n: int) -> Product:
    """The product of n of the groups."""
    spec = replace(p.spec, in_channels=n * p.group_in, out_channels=n * p.group_out, groups=n)
    return replace(p, spec=spec)


def _cut(p: Product, bounds: list[int], a: jax.Array, b: jax.Array) -> Any:
    """The operands of each lot of groups that the bounds make."""
    channels = {"weight": (0, p.group_out), "x": (1, p.group_in), "y": (1, p.group_out)}
    cut = []
    for role, array in zip(p.operands, (a, b), strict=True):
        axis, size = channels[role]
        cut.append(jnp.split(array, [size * n for n in bounds[1:-1]], axis))
    return zip(*cut, strict=True)


def _split(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """A convolution, or its gradient by x, for each group."""
    one = _of_groups(p, 1)
    parts = _cut(p, list(range(p.spec.groups + 1)), a, b)
    return lax.concatenate([direct.compute(one, *part) for part in parts], 1)


def _in_lots(
    inner: Callable[[Product, jax.Array, jax.Array], jax.Array], p: Product, a: jax.Array, b: jax.Array
) -> jax.Array:
    """What `inner` computes, (samples, channels, ...), for a few groups after the other."""
    groups, batch = p.spec.groups, p.batch(a, b)
    most = max(CACHED // max(_elements(p, batch), 1), 1) if isinstance(batch, int) else 1
    lots = -(-groups // most)
    if lots == 1:
        return inner(p, a, b)
    if p.group_in < WIDE and lots <= UNROLLED:
        bounds = [groups * i // lots for i in range(lots + 1)]
        sizes = [high - low for low, high in itertools.pairwise(bounds)]
        parts = [inner(_of_groups(p, n), *part) for n, part in zip(sizes, _cut(p, bounds, a, b), strict=True)]
        return lax.concatenate(parts, 1)
    lot = _of_groups(p, next(n for n in range(most, 0, -1) if groups % n == 0))

    def apart(role: str, array: jax.Array) -> jax.Array:
        axis = 0 if role == "weight" else 1
        shape = (*array.shape[:axis], groups // lot.spec.groups, -1, *array.shape[axis + 1 :])
        return jnp.moveaxis(array.reshape(shape), axis, 0)

    operands = [apart(role, array) for role, array in zip(p.operands, (a, b), strict=True)]
    y = jnp.moveaxis(lax.map(lambda part: inner(lot, *part), operands), 0, 1)
    return y.reshape(y.shape[0], -1, *y.shape[3:])


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


def _weights(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """Of as many shares of the samples as there can be devices that have one: (shares, *weight_shape)."""
    dw = _by_columns(p, x, dy) if p.group_in >= WIDE else _by_positions(p, x, dy)
    n = x.shape[0]
    shares = math.gcd(n, jax.device_count()) if isinstance(n, int) else n
    return dw.reshape(shares, n // shares, *p.spec.weight_shape).sum(1)


def _by_columns(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """im2col, and a product for each sample and group."""
    n, groups = x.shape[0], p.spec.groups
    seen = columns(p, x).reshape(n, groups, p.group_in * p.taps, -1)
    dy = dy.reshape(n, groups, p.group_out, -1)
    return lax.dot_general(dy, seen, (((3,), (3,)), _BATCH), precision=p.precision)


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
    dw = lax.dot_general(dy, rows, (((3,), (2,)), _BATCH), precision=p.precision)
    return dw.reshape(n, groups, p.group_out, p.taps, p.group_in).swapaxes(3, 4)
