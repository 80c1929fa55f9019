"""A convolution as a matrix product: what the kernel meets at each position is a column."""

import functools
import math
import operator

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower.planes import columns, pad, tap_indices
from jaxconv._lower.pointwise import mix, mixing
from jaxconv._lower.product import Product

POSITIONS = 1024
"""Of more, the gradient with respect to the weight is faster with positions first."""
FEW = 4
"""Not so with so few input channels: a position's are next to each other there."""


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product by one dot a sample; the gradient with respect to the weight for each sample."""
    if p.spec.groups > 1:
        return {"y": _y_of_groups, "x": _x, "weight": by_columns}[p.wanted](p, a, b)
    if p.wanted == "y":
        return mix(p, b.reshape(b.shape[0], -1), columns(p, a)).reshape(p.shape(a.shape[0]))
    if p.wanted == "x":
        return _x(p, a, b)
    if math.prod(p.out) > POSITIONS and p.group_in > FEW:
        return by_positions(p, a, b)
    dw = jax.vmap(lambda x, y: mixing(p, x[None], y[None]))(columns(p, a), b.reshape(*b.shape[:2], -1))
    return dw.reshape(a.shape[0], *p.spec.weight_shape)


def _y_of_groups(p: Product, x: jax.Array, weight: jax.Array) -> jax.Array:
    n, groups = x.shape[0], p.spec.groups
    seen = columns(p, x).reshape(n, groups, p.group_in * p.taps, -1)
    matrices = weight.reshape(groups, p.group_out, -1)
    y = lax.dot_general(matrices, seen, (((2,), (2,)), ((0,), (1,))), precision=p.precision)
    return jnp.moveaxis(y, 2, 0).reshape(p.shape(n))


def _x(p: Product, weight: jax.Array, dy: jax.Array) -> jax.Array:
    """The columns' gradients, added to where columns are taken from. The weight is read as it lies in memory."""
    n, spec = dy.shape[0], p.spec
    if spec.groups == 1:
        rows = jnp.moveaxis(dy, 1, -1).reshape(-1, spec.out_channels)
        seen = lax.dot(rows, weight.reshape(spec.out_channels, -1), precision=p.precision)
        seen = lax.optimization_barrier(seen).reshape(n, *p.out, spec.in_channels, p.taps)
    else:
        turned = weight.reshape(spec.groups, p.group_out, -1)
        dy = dy.reshape(n, spec.groups, p.group_out, -1)
        seen = lax.dot_general(dy, turned, (((2,), (1,)), ((1,), (0,))), precision=p.precision)
        seen = seen.reshape(spec.groups, n, -1, p.group_in, p.taps).transpose(1, 2, 0, 3, 4)
        seen = seen.reshape(n, *p.out, spec.in_channels, p.taps)
    seen = lax.optimization_barrier(jnp.moveaxis(seen, (-1, -2), (1, 2)))
    parts: list[jax.Array] = []
    for i, tap in enumerate(tap_indices(spec.kernel_size)):
        config = [(0, 0, 0), (0, 0, 0)]
        for d in range(spec.ndim):
            stride, (low, _) = spec.stride[d], spec.padding[d]
            first = tap[d] * spec.dilation[d] - low
            config.append((first, p.size[d] - first - (p.out[d] - 1) * stride - 1, stride - 1))
        parts.append(lax.pad(seen[:, i], jnp.zeros((), seen.dtype), config))
    return functools.reduce(operator.add, parts)


BATCH = ((0, 1), (0, 1))
"""Samples and groups, in what follows."""


def by_columns(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """The gradient with respect to the weight of each sample, by a product for each sample and group."""
    n, groups = x.shape[0], p.spec.groups
    seen = columns(p, x).reshape(n, groups, p.group_in * p.taps, -1)
    dy = dy.reshape(n, groups, p.group_out, -1)
    dw = lax.dot_general(dy, seen, (((3,), (3,)), BATCH), precision=p.precision)
    return dw.reshape(n, *p.spec.weight_shape)


def by_positions(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """The same with channels last, so that a row is what the kernel meets at a position."""
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
    dw = lax.dot_general(dy, rows, (((3,), (2,)), BATCH), precision=p.precision)
    dw = dw.reshape(n, groups, p.group_out, p.taps, p.group_in).swapaxes(3, 4)
    return dw.reshape(n, *p.spec.weight_shape)
