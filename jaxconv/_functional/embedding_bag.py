"""torch.nn.functional.embedding_bag: sums, means and maxima of bags of rows."""

import typing
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._args import array, check_bool, refuse_dtype, same_dtype
from jaxconv._arrays import mesh_axis, spread
from jaxconv._functional.embedding import (
    check_indices,
    check_lookup,
    check_padding_idx,
    check_sparse,
    look_up,
    renormalised,
)
from jaxconv._types import ArrayLike, BagMode

__all__ = ["embedding_bag"]

MODES = typing.get_args(BagMode)


def embedding_bag(
    input: ArrayLike,
    weight: ArrayLike,
    offsets: ArrayLike | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: BagMode = "mean",
    sparse: bool = False,
    per_sample_weights: ArrayLike | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> jax.Array:
    """Reduces bags of looked-up rows: torch.nn.functional.embedding_bag.

    bfloat16 and float16 are computed in float32 and rounded once.

    Args:
        input: indices, int64 or int32: (B, N), B bags of N, or (N,), the bags one after the other.
        weight: the table, (num_embeddings, embedding_dim), floating.
        offsets: where each bag starts in an `input` (N,): (B,), from 0 on and rising; None beside (B, N).
        max_norm, norm_type, scale_grad_by_freq, sparse: as of `embedding`.
        mode: 'sum', 'mean' or 'max'. An empty bag gives zeros. Of equal greatest elements the first gets the gradient.
        per_sample_weights: factors of the rows, of the input's shape and the weight's dtype, for 'sum' alone; or None.
        include_last_offset: whether `offsets` is (B + 1,), the last being where the last bag ends.
        padding_idx: a row that is in no bag and gets no gradient, counted from the end if negative; or None.

    Returns:
        (B, embedding_dim), in the weight's dtype. An index out of bounds makes its bag NaN, as in `embedding`.

    Raises:
        ValueError: shapes that do not fit, offsets that do not start at 0 or point beyond the input (under a
            transformation that traces them they cannot be looked at: an index before the first offset is in no bag),
            an unknown mode, what a mode does not support, or an argument that `embedding` refuses.
        TypeError: a wrong dtype, or an argument of the wrong type.
    """
    op = "embedding_bag"
    check_options(scale_grad_by_freq, mode, sparse, include_last_offset)
    indices, table = check_lookup(op, input, weight)
    refuse_dtype(op, table, jnp.integer, jnp.bool_, jnp.complexfloating)
    factors = None if per_sample_weights is None else array("per_sample_weights", per_sample_weights)
    if factors is not None:
        if factors.shape != indices.shape:
            raise ValueError(
                f"{op}: `per_sample_weights` of shape {factors.shape} must have the shape {indices.shape} of `input`"
            )
        if mode != "sum":
            raise ValueError(
                f"{op}: `per_sample_weights` is only supported for mode='sum' (got mode={mode!r})"
            )
        same_dtype(op, weight=table, per_sample_weights=factors)
    # A bag's indices may be on several devices of an explicit mesh: here each gets all.
    given, indices = indices, spread(indices, indices)
    factors = factors if factors is None else spread(factors, factors)
    bag, bags = _bags(op, indices, offsets, include_last_offset)
    padding = None if padding_idx is None else check_padding_idx(padding_idx, table.shape[0])
    indices = indices.reshape(-1)
    if max_norm is not None:
        table = renormalised(table, indices, max_norm, norm_type)
    rows = look_up(indices, table, padding, scale_grad_by_freq)
    kept = jnp.ones(indices.shape, bool) if padding is None else indices != padding
    bag = jnp.where(kept & (bag >= 0), bag, bags)  # beyond the last: dropped
    if factors is not None:
        rows = rows * factors.reshape(-1).astype(rows.dtype)[:, None]
    result = _greatest(rows, bag, bags) if mode == "max" else _total(rows, bag, bags, mode == "mean")
    return spread(result.astype(table.dtype), given, mesh_axis(given, 0) if given.ndim == 2 else None)


def check_options(scale_grad_by_freq: Any, mode: Any, sparse: Any, include_last_offset: Any) -> None:
    """Refuses what torch refuses of the arguments that are no arrays."""
    check_bool("scale_grad_by_freq", scale_grad_by_freq)
    check_bool("include_last_offset", include_last_offset)
    if mode not in MODES:
        raise ValueError(f"`mode` (={mode!r}) has to be one of 'sum', 'mean' or 'max'")
    if mode == "max" and scale_grad_by_freq:
        raise ValueError(
            "`scale_grad_by_freq` (=True): max mode does not support scaling the gradient by frequency"
        )
    check_sparse(sparse)


def _bags(
    op: str, indices: jax.Array, offsets: ArrayLike | None, include_last: bool
) -> tuple[jax.Array, int]:
    """The bag of each index, and how many bags there are."""
    if indices.ndim == 2:
        if offsets is not None:
            raise ValueError(f"{op}: `offsets` must be None for `input` (B, N): its rows are the bags")
        return jnp.repeat(jnp.arange(indices.shape[0]), indices.shape[1]), indices.shape[0]
    if indices.ndim != 1:
        raise ValueError(f"{op}: `input` has to be 1-D or 2-D, but got shape {indices.shape}")
    if offsets is None:
        raise ValueError(
            f"{op}: `offsets` must be a 1-D array for `input` of shape {indices.shape}, got None"
        )
    starts = array("offsets", offsets)
    check_indices(op, "offsets", starts)
    if starts.ndim != 1 or starts.shape[0] < include_last:
        raise ValueError(
            f"{op}: `offsets` has to be 1-D, (B,), or (B + 1,) with `include_last_offset`, but got shape {starts.shape}"
        )
    if not isinstance(starts, jax.core.Tracer) and starts.size:
        known = np.asarray(starts)
        if known[0] != 0 or known[-1] > indices.shape[0]:
            raise ValueError(
                f"{op}: `offsets` must start at 0 and not exceed the {indices.shape[0]} indices of `input`, but go "
                f"from {known[0]} to {known[-1]}"
            )
    bag = jnp.searchsorted(starts, jnp.arange(indices.shape[0], dtype=starts.dtype), side="right") - 1
    return bag, starts.shape[0] - include_last


def _total(rows: jax.Array, bag: jax.Array, bags: int, mean: bool) -> jax.Array:
    total = jnp.zeros((bags, rows.shape[1]), rows.dtype).at[bag].add(rows, mode="drop")
    if not mean:
        return total
    size = jnp.zeros(bags, int).at[bag].add(1, mode="drop")
    return total / jnp.maximum(size, 1).astype(total.dtype)[:, None]


def _greatest(rows: jax.Array, bag: jax.Array, bags: int) -> jax.Array:
    count, features = rows.shape
    fixed = jax.lax.stop_gradient(rows)
    greatest = jnp.full((bags, features), -jnp.inf, rows.dtype).at[bag].max(fixed, mode="drop")
    own = greatest.at[bag].get(mode="fill")
    # The first that is the greatest, or that is NaN as the greatest then is
    places = jnp.where((fixed == own) | jnp.isnan(fixed), jnp.arange(count)[:, None], count)
    first = jnp.full((bags, features), count).at[bag].min(places, mode="drop")
    columns = jnp.broadcast_to(jnp.arange(features)[None], first.shape)
    return rows.at[first, columns].get(mode="fill", fill_value=0)
