"""Groups of more than a few channels: one after the other, each a dense convolution.

XLA's CPU compiler has no fast grouped convolution. Groups are never taken together as one, with zeros in the weight
between them, though that is as fast where they are narrow: an infinity in one group would be NaN in the others.
"""

import functools
import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import channels_last
from jaxconv._lower.im2col import by_columns, by_positions
from jaxconv._lower.product import Product

WRITTEN_OUT = 16
"""Groups that are written out, each to be compiled; more are a loop, up to a third slower."""
WIDE = 48
"""Channels a group from which the gradient with respect to the weight is made of columns, not of positions."""
CACHED = 2**18
"""Elements of columns that are made at once. More leave the cache, and the memory for them is new each time."""
LOTS = 8
"""Lots of groups that are not wide are written out; more lots are a loop, as wide groups always."""


def can(p: Product) -> bool:
    """Whether there is more than one group."""
    return p.spec.groups > 1


def by_products(p: Product, batch: Any) -> bool:
    """Whether it is made of matrix products, not of convolutions."""
    return p.wanted == "weight" and isinstance(batch, int) and batch == 1


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product, one group or one lot of groups after the other; by products it is that of each sample: of one."""
    if not by_products(p, p.batch(a, b)):
        # One group is too small for YNNPACK, however few the positions are.
        return _in_lots(functools.partial(channels_last.compute, few=0), 1, WRITTEN_OUT, p, a, b)
    wide = p.group_in >= WIDE
    columns = by_columns if wide else by_positions
    most = max(CACHED // (p.group_in * p.taps * math.prod(p.out)), 1)
    return _in_lots(lambda *lot: columns(*lot)[0], most, 1 if wide else LOTS, p, a, b)[None]


def _in_lots(
    inner: Callable[[Product, jax.Array, jax.Array], jax.Array],
    most: int,
    written_out: int,
    p: Product,
    a: jax.Array,
    b: jax.Array,
) -> jax.Array:
    """What `inner` computes, for at most so many groups at once; so many lots are written out, more are a loop."""
    groups = p.spec.groups
    lots = -(-groups // most)
    axis = 0 if p.wanted == "weight" else 1
    if lots <= written_out:
        bounds = [groups * i // lots for i in range(lots + 1)]
        sizes = [high - low for low, high in itertools.pairwise(bounds)]
        parts = [inner(_of_groups(p, n), *part) for n, part in zip(sizes, _cut(p, bounds, a, b), strict=True)]
        return lax.concatenate(parts, axis)
    lot = _of_groups(p, next(n for n in range(most, 0, -1) if groups % n == 0))

    def apart(role: str, array: jax.Array) -> jax.Array:
        along = 0 if role == "weight" else 1
        shape = (*array.shape[:along], groups // lot.spec.groups, -1, *array.shape[along + 1 :])
        return jnp.moveaxis(array.reshape(shape), along, 0)

    operands = [apart(role, array) for role, array in zip(p.operands, (a, b), strict=True)]
    found = jnp.moveaxis(lax.map(lambda part: inner(lot, *part), operands), 0, axis)
    return found.reshape(*found.shape[:axis], -1, *found.shape[axis + 2 :])


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
