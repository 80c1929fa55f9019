"""torch.nn.functional.embedding and torch.embedding_renorm_: rows of a table, and their norms."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from jaxconv._args import array, check_bool, integer, number, refuse_dtype
from jaxconv._arrays import ranked, spread
from jaxconv._dtypes import widened
from jaxconv._types import ArrayLike

__all__ = ["embedding", "embedding_renorm"]


def embedding(
    input: ArrayLike,
    weight: ArrayLike,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> jax.Array:
    """Looks up rows of a table: torch.nn.functional.embedding.

    Args:
        input: indices of any shape (*), int64 or int32.
        weight: the table, (num_embeddings, embedding_dim).
        padding_idx: a row that gets no gradient, counted from the end if negative; or None.
        max_norm: rows are scaled to this norm before they are looked up if theirs is greater; or None. torch writes
            the scaled rows into `weight`. Here the caller does, with `embedding_renorm`. As in torch, the gradient does
            not see the scaling.
        norm_type: p of that p-norm.
        scale_grad_by_freq: whether a row's gradient is divided by how often its index is in `input`.
        sparse: False: JAX's gradients are dense.

    Returns:
        (*, embedding_dim), in the weight's dtype. An index out of bounds gives a row of NaN; torch refuses it, but the
        values are not known where the call is compiled.

    Raises:
        ValueError: a weight of another rank, a `padding_idx` out of bounds, or `sparse`.
        TypeError: another dtype of `input`, or an argument of the wrong type.
    """
    check_bool("scale_grad_by_freq", scale_grad_by_freq)
    check_sparse(sparse)
    indices, table = check_lookup("embedding", input, weight)
    padding = None if padding_idx is None else check_padding_idx(padding_idx, table.shape[0])
    if max_norm is not None:
        table = renormalised(table, indices, max_norm, norm_type)
    return look_up(indices, table, padding, scale_grad_by_freq).astype(table.dtype)


def embedding_renorm(
    weight: ArrayLike, input: ArrayLike, max_norm: float, norm_type: float = 2.0
) -> jax.Array:
    """Scales the rows that are looked up to a norm of at most `max_norm`: torch.embedding_renorm_, on a new table.

    Args:
        weight: the table, (num_embeddings, embedding_dim), floating.
        input: indices of any shape, int64 or int32; those out of bounds are passed over.
        max_norm: the greatest norm. A greater one is divided by itself plus 1e-7, as in torch.
        norm_type: p of the p-norm; infinity too.

    Returns:
        The new table. Its gradient is that of a constant.

    Raises:
        ValueError: a weight of another rank.
        TypeError: another dtype, or an argument of the wrong type.
    """
    op = "embedding_renorm"
    limit, p = number("max_norm", max_norm), number("norm_type", norm_type)
    indices, table = check_lookup(op, input, weight)
    refuse_dtype(op, table, jnp.integer, jnp.bool_)
    table = lax.stop_gradient(table)
    wide = widened(table)
    norms = _norm(jnp.abs(wide), p)
    used = counts(indices, table.shape[0]) > 0
    scaled = wide * jnp.where(norms > limit, limit / (norms + 1e-7), 1).astype(norms.dtype)[:, None]
    return jnp.where(used[:, None], scaled.astype(table.dtype), table)


def renormalised(table: jax.Array, indices: jax.Array, max_norm: float, norm_type: float) -> jax.Array:
    """`embedding_renorm` with the derivative of the table itself, as torch's in-place scaling leaves it."""
    return _with_gradient_of(embedding_renorm(table, indices, max_norm, norm_type), table)


def _norm(size: jax.Array, p: float) -> jax.Array:
    """The p-norm of each row of absolute values."""
    if p == math.inf:
        return size.max(1, initial=0)
    if p == 2:
        return jnp.sqrt(jnp.sum(size * size, 1))
    if p == 0:
        return jnp.sum(size != 0, 1).astype(size.dtype)
    return jnp.sum(size**p, 1) ** (1 / p)


def check_sparse(sparse: Any) -> None:
    """Refuses `sparse=True`."""
    check_bool("sparse", sparse)
    if sparse:
        raise ValueError(
            "`sparse` (=True): JAX has no sparse gradients. Leave it False: the gradient has the same numbers, and "
            "zeros in all other rows"
        )


def check_padding_idx(padding_idx: Any, rows: int) -> int:
    """`padding_idx`, counted from the front."""
    if not -rows <= (index := integer("padding_idx", padding_idx)) < rows:
        raise ValueError(f"`padding_idx` (={index}) must be within num_embeddings (={rows})")
    return index % rows


def check_lookup(op: str, input: ArrayLike, weight: ArrayLike) -> tuple[jax.Array, jax.Array]:
    """The indices and the table as arrays."""
    indices, table = array("input", input), array("weight", weight)
    check_indices(op, "input", indices)
    if table.ndim != 2:
        raise ValueError(
            f"{op}: `weight` must be 2-D, (num_embeddings, embedding_dim), but got shape {table.shape}"
        )
    return indices, table


def check_indices(op: str, name: str, indices: jax.Array) -> None:
    """torch takes int64 and int32."""
    if indices.dtype not in (jnp.int64, jnp.int32):
        raise TypeError(f"{op}: `{name}` must be indices of dtype int64 or int32, but got {indices.dtype}")


def look_up(indices: jax.Array, table: jax.Array, padding: int | None, by_frequency: bool) -> jax.Array:
    """Rows of the table, widened so that their gradients are added up in float32."""
    fill = jnp.nan if jnp.issubdtype(table.dtype, jnp.inexact) else None
    wide = widened(table)
    sharding = jax.typeof(indices).sharding
    spec = (*sharding.spec, *(None,) * (indices.ndim - len(sharding.spec)))
    # On an explicit mesh the rows are spread as their indices are.
    out = (
        NamedSharding(sharding.mesh, PartitionSpec(*spec, None))
        if any(axis is not None for axis in spec)
        else None
    )
    rows = wide.at[indices].get(mode="fill", fill_value=fill, wrap_negative_indices=False, out_sharding=out)
    if by_frequency:
        often = (
            counts(indices, table.shape[0]).at[indices].get(mode="fill", fill_value=1, out_sharding=sharding)
        )
        rows = _scaled_gradient(rows, ranked((1 / often).astype(rows.dtype)[..., None], rows.ndim))
    if padding is not None:
        rows = jnp.where((indices == padding)[..., None], lax.stop_gradient(rows), rows)
    return rows


def counts(indices: jax.Array, rows: int) -> jax.Array:
    """How often each row is looked up."""
    indices = spread(indices, indices)
    # A negative index would count from the end.
    places = jnp.where(indices < 0, rows, indices)
    return jnp.zeros(rows, int).at[places].add(1, mode="drop")


@jax.custom_jvp
def _with_gradient_of(value: jax.Array, like: jax.Array) -> jax.Array:
    """`value`, with the derivative of `like`."""
    return value


@_with_gradient_of.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return primals[0], tangents[1]


@jax.custom_jvp
def _scaled_gradient(x: jax.Array, scale: jax.Array) -> jax.Array:
    """`x`, with a derivative that is scaled."""
    return x


@_scaled_gradient.defjvp
def _(primals: Any, tangents: Any) -> Any:
    return primals[0], tangents[0] * primals[1]
