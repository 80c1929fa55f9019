"""Shapes of arrays, written so that neither meshes nor strict promotion of ranks object."""

from typing import Any

import jax
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec


def along(values: Any, axis: int, ndim: int) -> Any:
    """One-dimensional values as an array of `ndim` dimensions, to broadcast along `axis`.

    Written out: `jax_numpy_rank_promotion="raise"` refuses to add dimensions by itself.
    """
    return values.reshape(*(1,) * axis, -1, *(1,) * (ndim - axis - 1))


def ranked(x: jax.Array, ndim: int) -> jax.Array:
    """An array with so many dimensions: those that it lacks come first, of size 1."""
    return x.reshape(*(1,) * (ndim - x.ndim), *x.shape)


def reshaped(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`x.reshape(shape)`, where the batch comes first in both, alone or as the slowest part.

    On a mesh with explicit axes a reshape must be told how its result is spread, unless it is a plain one.
    """
    sharding = jax.typeof(x).sharding
    spec = tuple(sharding.spec)
    if not spec or spec[0] is None or any(axis is not None for axis in spec[1:]):
        return x.reshape(shape)
    spread = NamedSharding(sharding.mesh, PartitionSpec(spec[0], *(None,) * (len(shape) - 1)))
    return lax.reshape(x, shape, out_sharding=spread)


def mesh_axis(x: jax.Array, dim: int) -> Any:
    """The axis of an explicit mesh over which a dimension is spread, or None."""
    return (*jax.typeof(x).sharding.spec, *(None,) * x.ndim)[dim]


def spread(x: jax.Array, like: jax.Array, *axes: Any) -> jax.Array:
    """`x` spread over these axes, if `like` is spread over an explicit mesh."""
    if all(axis is None for axis in jax.typeof(like).sharding.spec):
        return x
    return jax.sharding.reshard(x, NamedSharding(jax.typeof(like).sharding.mesh, PartitionSpec(*axes)))
