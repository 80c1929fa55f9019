"""What every functional does with its array arguments before anything else."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


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
