"""What torch's losses have in common: checked reductions, a common dtype, and the reduction itself."""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxconv._arrays import ranked
from jaxconv._dtypes import compute_dtype


def reduced(loss: jax.Array, reduction: str, dtype: Any) -> jax.Array:
    """The elements, their mean (NaN of none) or their sum, rounded to `dtype` once."""
    if reduction == "mean":
        if not jnp.issubdtype(loss.dtype, jnp.inexact):
            raise TypeError(
                f"`reduction` 'mean' needs a floating loss, got {loss.dtype}: use 'none' or 'sum'"
            )
        loss = jnp.sum(loss) / jnp.asarray(math.prod(loss.shape), loss.dtype)
    elif reduction == "sum" and jnp.issubdtype(loss.dtype, jnp.integer):
        return jnp.sum(loss, dtype=jax.dtypes.canonicalize_dtype(jnp.int64))
    elif reduction == "sum":
        loss = jnp.sum(loss)
    return loss.astype(dtype)


def promoted(*arrays: Any) -> Any:
    """torch's common dtype of arrays that all have dimensions; None is left out."""
    dtypes = [a.dtype for a in arrays if a is not None]
    kind = dtypes[0]
    for dtype in dtypes[1:]:
        kind = jnp.promote_types(kind, dtype)
    return kind


def inexact(dtype: Any) -> Any:
    """The dtype of a loss computed from arrays of `dtype`: float32 for integers, as in torch."""
    return dtype if jnp.issubdtype(dtype, jnp.inexact) else jnp.dtype(jnp.float32)


def broadcast(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`x` broadcast to `shape`, also under jax_numpy_rank_promotion='raise'."""
    return x if x.shape == shape else jnp.broadcast_to(ranked(x, len(shape)), shape)


def together(*arrays: jax.Array, dtype: DTypeLike | None = None) -> tuple[jax.Array, ...]:
    """The arrays, broadcast, in the dtype that numbers of `dtype`, by default their common one, are computed in."""
    wide = compute_dtype(promoted(*arrays) if dtype is None else dtype)
    try:
        shape = jnp.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = ", ".join(str(a.shape) for a in arrays)
        raise ValueError(f"the shapes {shapes} do not broadcast to a common one") from None
    return tuple(broadcast(a, shape).astype(wide) for a in arrays)


def magnitude(x: jax.Array) -> jax.Array:
    """|x|, with the derivative 0 at 0 as in torch; JAX's is 1."""
    return jnp.abs(x) if jnp.iscomplexobj(x) else jnp.sign(x) * x


def warn_of_broadcast(op: str, x: jax.Array, target: jax.Array) -> None:
    """torch's warning where a target is not of the input's shape."""
    if x.shape != target.shape:
        warnings.warn(
            f"{op}: `target` of shape {target.shape} is broadcast with `input` of shape {x.shape}, which is likely a "
            "mistake: give both the same shape",
            UserWarning,
            stacklevel=4,
        )
