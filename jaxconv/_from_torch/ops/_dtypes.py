"""torch's rules for dtypes, where JAX's differ."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_SCALARS: dict[type, Any] = {bool: jnp.bool_, int: jnp.int64, float: jnp.float32, complex: jnp.complex64}


def dtype(name: str) -> Any:
    """The JAX dtype of a torch dtype's name. 64-bit integers are 32-bit ones while JAX's 64-bit types are off.

    Raises:
        ValueError: a 64-bit floating dtype while they are off.
    """
    wanted = jnp.dtype(name)
    got = jax.dtypes.canonicalize_dtype(wanted)
    if got != wanted and not jnp.issubdtype(wanted, jnp.integer):
        raise ValueError(
            f"the network computes in {name}, which needs jax.config.update('jax_enable_x64', True)"
        )
    return got


def category(kind: Any) -> int:
    """0 bool, 1 integer, 2 floating, 3 complex."""
    if kind == jnp.bool_:
        return 0
    return 1 + jnp.issubdtype(kind, jnp.inexact) + jnp.issubdtype(kind, jnp.complexfloating)


def promoted(*operands: Any) -> Any:
    """torch.result_type: numbers and then 0-dimensional arrays count only where their category is higher."""
    result: Any = None
    ranks: tuple[list[Any], ...] = ([], [], [])
    for x in operands:
        if isinstance(x, bool | int | float | complex):
            ranks[2].append(_SCALARS[type(x)])
        else:
            ranks[0 if jnp.ndim(x) else 1].append(x.dtype)
    for dtypes in ranks:
        for kind in dtypes[1:]:
            dtypes[0] = jnp.promote_types(dtypes[0], kind)
        if not dtypes:
            continue
        if result is None:
            result = dtypes[0]
        elif category(dtypes[0]) == 3 and category(result) == 2:
            result = jnp.promote_types(result, jnp.complex64)
        elif category(dtypes[0]) > category(result):
            result = dtypes[0]
    return jax.dtypes.canonicalize_dtype(result)


def together(*operands: Any) -> list[jax.Array]:
    """The operands in torch's common dtype."""
    kind = promoted(*operands)
    return [jnp.asarray(x, kind) for x in operands]


def floating(x: Any) -> jax.Array:
    """The array, an integer one as float32: torch's default dtype, whatever JAX's is."""
    return x if category(x.dtype) > 1 else x.astype(jnp.float32)


def integer() -> Any:
    """torch's int64, or int32 while JAX's 64-bit types are off."""
    return jax.dtypes.canonicalize_dtype(np.int64)
