"""Groups of more than a few channels: each is a dense convolution, and narrow ones are taken together.

XLA's CPU compiler has no fast grouped convolution, only a fast dense one.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import direct, flipped
from jaxconv._lower.planes import columns, pad, seen_by, tap_indices
from jaxconv._lower.product import Product


def can(p: Product) -> bool:
    """Whether there is more than one group."""
    return p.spec.groups > 1


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product group by group, or several groups at a time."""
    if p.wanted == "y":
        return _y(p, a, b)
    if p.wanted == "weight":
        return _weight(p, a, b)
    if set(p.spec.stride) == {1}:
        return _y(*flipped.convolution(p, a, b))
    return _x(p, a, b)


def dots(p: Product) -> int:
    """How many dense convolutions or dots the product is taken apart into."""
    if p.wanted == "weight":
        return p.spec.groups if p.group_in >= 48 else p.taps if p.group_in >= 32 else 1
    turned = p.wanted == "x" and set(p.spec.stride) == {1}
    return p.spec.groups // merged(p.spec.groups, p.group_out if turned else p.group_in)


WIDE = 16
"""Channels from which on a group is worth a convolution of its own."""
FULL = 32
"""Channels up to which narrower groups are taken together: half of the work or more is multiplying by zeros."""


def merged(groups: int, channels: int) -> int:
    """How many groups of so many input channels become one."""
    if channels >= WIDE:
        return 1
    return max(m for m in range(1, groups + 1) if groups % m == 0 and (m == 1 or m * channels <= FULL))


def _merge(p: Product, weight: jax.Array, m: int) -> jax.Array:
    """(groups / m, m C_out / groups, m C_in / groups, *kernel_size): blocks on the diagonal, zeros elsewhere."""
    size = p.spec.kernel_size
    w = weight.reshape(p.spec.groups // m, m, p.group_out, 1, p.group_in, *size)
    diagonal = jnp.eye(m, dtype=bool).reshape(1, m, 1, m, 1, *(1,) * p.spec.ndim)
    w = jnp.where(diagonal, w, jnp.zeros((), w.dtype))
    return w.reshape(p.spec.groups // m, m * p.group_out, m * p.group_in, *size)


def _dense(p: Product, m: int) -> Product:
    """The product for m groups taken as one."""
    spec = replace(p.spec, in_channels=m * p.group_in, out_channels=m * p.group_out, groups=1)
    return replace(p, spec=spec)


def _y(p: Product, x: jax.Array, weight: jax.Array) -> jax.Array:
    m = merged(p.spec.groups, p.group_in)
    w, one = _merge(p, weight, m), _dense(p, m)
    parts = jnp.split(x, p.spec.groups // m, 1)
    return lax.concatenate([direct.compute(one, part, w[i]) for i, part in enumerate(parts)], 1)


def _x(p: Product, weight: jax.Array, dy: jax.Array) -> jax.Array:
    m = merged(p.spec.groups, p.group_in)
    w, one = _merge(p, weight, m), _dense(p, m)
    parts = jnp.split(dy, p.spec.groups // m, 1)
    return lax.concatenate([direct.compute(one, w[i], part) for i, part in enumerate(parts)], 1)


def _weight(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    channels = p.group_in
    if channels >= 48:
        return _by_columns(p, x, dy)
    return _by_taps(p, x, dy) if channels >= 32 else _by_positions(p, x, dy)


def _by_columns(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """im2col and a dot for each group."""
    one = _dense(p, 1)
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
