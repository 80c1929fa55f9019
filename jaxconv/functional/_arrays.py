"""What every functional does with its array arguments before anything else."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec


def array(name: str, value: Any) -> jax.Array:
    """`value` as a JAX array: JAX and NumPy arrays and Flax variables, not lists and not torch tensors."""
    if isinstance(value, jax.Array):
        return value
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "__jax_array__"):
        return jnp.asarray(value)
    module = type(value).__module__.split(".")[0]
    hint = (
        ": torch tensors are carried over by jaxconv.load_state_dict or `.numpy()`"
        if module == "torch"
        else ""
    )
    raise TypeError(f"`{name}` must be an array, got {type(value).__module__}.{type(value).__name__}{hint}")


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


def same_dtype(op: str, **arrays: jax.Array | None) -> None:
    """torch's functionals do not promote: all arrays are of one dtype. Modules cast before they call."""
    dtypes = {name: a.dtype for name, a in arrays.items() if a is not None}
    if len(set(dtypes.values())) > 1:
        listed = ", ".join(f"{name}: {dtype}" for name, dtype in dtypes.items())
        raise TypeError(f"{op} expected all arrays to have the same dtype, but got {listed}")


def refuse_dtype(op: str, x: jax.Array, *kinds: Any) -> None:
    """Refuses the dtypes that torch has no kernel for."""
    if any(jnp.issubdtype(x.dtype, kind) for kind in kinds):
        raise TypeError(f'"{op}" is not implemented for dtype {x.dtype}')


def dimension(dim: int, ndim: int) -> int:
    """A dimension of an array, counted from the front."""
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise ValueError(
            f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})"
        )
    return dim % size
