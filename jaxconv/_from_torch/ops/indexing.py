"""ATen's operations that take or write elements at given places."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._from_torch.ops._dtypes import integer, together
from jaxconv._from_torch.ops.elementwise import written_unnoticed


def _where_index(indices: Any) -> tuple[Any, ...]:
    return tuple(slice(None) if i is None else i for i in indices)


def _masked_put(x: Any, mask: Any, start: int, values: Any, accumulate: bool) -> jax.Array:
    """x[..., mask] = values, where `values` has the shape of what follows the masked dimensions, or less."""
    mask = mask.reshape(*mask.shape, *(1,) * (x.ndim - start - mask.ndim))
    return jnp.where(mask, x + values if accumulate else values, x)


def _index_put(x: Any, indices: Any, values: Any, accumulate: bool = False) -> jax.Array:
    start = next(i for i, index in enumerate(indices) if index is not None)
    mask = indices[start]
    if mask.dtype == jnp.bool_ and all(i is None for i in indices[start + 1 :]):
        values = jnp.asarray(values, x.dtype)
        if values.size == 1 or values.ndim <= x.ndim - start - mask.ndim:
            values = values.reshape(()) if values.size == 1 else values
            return _masked_put(x, mask, start, values, accumulate)
    at, values = x.at[_where_index(indices)], jnp.asarray(values, x.dtype)
    return at.add(values) if accumulate else at.set(values)


def _index_add(x: Any, dim: int, index: Any, source: Any, alpha: Any = 1) -> jax.Array:
    at = (slice(None),) * (dim % max(x.ndim, 1)) + (index,)
    if not x.ndim:
        return _index_add(x[None], 0, index.reshape(-1), source.reshape(-1), alpha)[0]
    return x.at[at].add(source if alpha == 1 else jnp.asarray(alpha, x.dtype) * source)


def _index_select(x: Any, dim: int, index: Any) -> jax.Array:
    return jnp.take(x, index.reshape(-1), dim) if x.ndim else x


def _along(x: Any, dim: int, index: Any) -> tuple[Any, ...]:
    """`index` along one dimension of an array, which may be larger in the others."""
    grid = list(jnp.meshgrid(*(jnp.arange(n) for n in index.shape), indexing="ij", sparse=True))
    grid[dim % x.ndim] = index
    return tuple(grid)


def _gather(x: Any, dim: int, index: Any, sparse_grad: bool = False) -> jax.Array:
    return x[_along(x, dim, index)] if x.ndim else x


def _scatter(x: Any, dim: int, index: Any, source: Any) -> jax.Array:
    source = jnp.broadcast_to(source, index.shape) if jnp.ndim(source) == 0 else source
    return x.at[_along(x, dim, index)].set(source[tuple(map(slice, index.shape))].astype(x.dtype))


def _scatter_add(x: Any, dim: int, index: Any, source: Any) -> jax.Array:
    return x.at[_along(x, dim, index)].add(source[tuple(map(slice, index.shape))])


def _scatter_reduce(
    x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True
) -> jax.Array:
    """torch.scatter_reduce. The gradient of an extreme is shared by the elements that have it, as in torch."""
    if not x.ndim:
        return _scatter_reduce(x[None], 0, index.reshape(1), source.reshape(1), reduce, include_self)[0]
    at = x.at[_along(x, dim, index)]
    source = source[tuple(map(slice, index.shape))]
    touched = jnp.zeros(x.shape, jnp.int32).at[_along(x, dim, index)].add(1)
    own = jnp.full(x.shape, include_self) | (touched == 0)
    if reduce in ("sum", "mean"):
        total = jnp.where(own, x, 0).at[_along(x, dim, index)].add(source)
        if reduce == "sum":
            return total
        count = jnp.maximum(touched + own, 1) if include_self else jnp.maximum(touched, 1)
        count = jnp.where(touched == 0, 1, count).astype(x.dtype)
        return total / count if jnp.issubdtype(x.dtype, jnp.inexact) else total // count
    if reduce == "prod":
        return _scatter_product(jnp.where(own, x, 1), _along(x, dim, index), source)
    worst = _worst(x.dtype, reduce)
    start = jax.lax.stop_gradient(jnp.where(own, x, worst))
    at = start.at[_along(x, dim, index)]
    given = jax.lax.stop_gradient(source)
    value = at.max(given) if reduce == "amax" else at.min(given)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return value
    here = own & (x == value)
    there = source == value[_along(x, dim, index)]
    total = jnp.where(here, x, 0).at[_along(x, dim, index)].add(jnp.where(there, source, 0))
    count = here.astype(x.dtype).at[_along(x, dim, index)].add(there.astype(x.dtype))
    return written_unnoticed(value, total / jnp.maximum(count, 1))


def _index_reduce(
    x: Any, dim: int, index: Any, source: Any, reduce: str, include_self: bool = True
) -> jax.Array:
    places = (
        index.reshape(-1, *(1,) * (x.ndim - 1 - dim % max(x.ndim, 1)))
        if x.ndim
        else index.reshape(source.shape)
    )
    return _scatter_reduce(x, dim, jnp.broadcast_to(places, source.shape), source, reduce, include_self)


def _scatter_with(x: Any, dim: int, index: Any, source: Any, *, reduce: str) -> jax.Array:
    source = jnp.broadcast_to(jnp.asarray(source, x.dtype), index.shape) if jnp.ndim(source) == 0 else source
    return _scatter_reduce(x, dim, index, source, {"add": "sum", "multiply": "prod"}[reduce])


def _worst(dtype: Any, reduce: str) -> Any:
    if jnp.issubdtype(dtype, jnp.inexact):
        return -jnp.inf if reduce == "amax" else jnp.inf
    limits = jnp.iinfo(dtype)
    return limits.min if reduce == "amax" else limits.max


def _scatter_product(x: Any, places: Any, source: Any) -> jax.Array:
    value = jax.lax.stop_gradient(x).at[places].multiply(jax.lax.stop_gradient(source))
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return value
    # The derivative by a factor is the product of the others; of zeros too.
    zeros = (x == 0).astype(jnp.int32).at[places].add((source == 0).astype(jnp.int32))
    rest = jnp.where(x == 0, 1, x).at[places].multiply(jnp.where(source == 0, 1, source))

    def others(factor: Any, zeros: Any, rest: Any) -> jax.Array:
        none = jnp.where(zeros == 0, rest / jnp.where(factor == 0, 1, factor), 0)
        return jax.lax.stop_gradient(jnp.where(factor == 0, jnp.where(zeros == 1, rest, 0), none))

    rest = jax.lax.stop_gradient(rest)
    total = others(x, zeros, rest) * x
    total = total.at[places].add(others(source, zeros[places], rest[places]) * source)
    return written_unnoticed(value, total)


def _take_along(x: Any, index: Any, dim: int | None = None) -> jax.Array:
    if dim is None:
        return x.reshape(-1)[index.reshape(-1)]
    return jnp.take_along_axis(x, index, dim)


def _take(x: Any, index: Any) -> jax.Array:
    return x.reshape(-1)[index]


def _put(x: Any, index: Any, source: Any, accumulate: bool = False) -> jax.Array:
    at, source = x.reshape(-1).at[index.reshape(-1)], source.reshape(-1)
    return (at.add(source) if accumulate else at.set(source)).reshape(x.shape)


def _masked_scatter(x: Any, mask: Any, source: Any) -> jax.Array:
    """The elements of `source` in order, where the mask is true."""
    shape = jnp.broadcast_shapes(x.shape, mask.shape)
    x, mask = jnp.broadcast_to(x, shape), jnp.broadcast_to(mask, shape)
    at = jnp.cumsum(mask.reshape(-1)).reshape(shape) - 1
    return jnp.where(mask, source.reshape(-1)[jnp.maximum(at, 0)], x)


def _slices(x: Any, dim: int, start: Any, end: Any, step: int) -> tuple[slice, ...]:
    return (slice(None),) * (dim % x.ndim) + (slice(start, end, step),)


def _slice_scatter(
    x: Any, source: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> jax.Array:
    return x.at[_slices(x, dim, start, end, step)].set(source.astype(x.dtype))


def _select_scatter(x: Any, source: Any, dim: int, index: int) -> jax.Array:
    return x.at[(slice(None),) * (dim % x.ndim) + (index,)].set(source.astype(x.dtype))


def _diagonal_scatter(x: Any, source: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> jax.Array:
    at = jnp.diagonal(jnp.arange(x.size).reshape(x.shape), offset, dim1, dim2)
    return x.reshape(-1).at[at].set(source.astype(x.dtype)).reshape(x.shape)


def _strided(size: Any, stride: Any, offset: Any) -> Any:
    at = jnp.zeros((), integer()) + (offset or 0)
    for n, step in zip(size, stride, strict=True):
        at = at[..., None] + jnp.arange(n) * step
    return at


def _as_strided(x: Any, size: Any, stride: Any, offset: Any = None) -> jax.Array:
    """Of a tensor whose elements lie in memory in their order; the trace refuses others."""
    return x.reshape(-1)[_strided(size, stride, offset)]


def _as_strided_scatter(x: Any, source: Any, size: Any, stride: Any, offset: Any = None) -> jax.Array:
    flat = x.reshape(-1).at[_strided(size, stride, offset)]
    return flat.set(source.astype(x.dtype)).reshape(x.shape)


def _searchsorted(
    boundaries: Any,
    x: Any,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Any = None,
) -> jax.Array:
    """For each element how many of the boundaries, sorted along their last dimension, lie before it."""
    boundaries, x = together(boundaries, x)
    if sorter is not None:
        boundaries = jnp.take_along_axis(boundaries, sorter, -1)
    side = "right" if right or side == "right" else "left"

    def search(edges: Any, values: Any) -> jax.Array:
        return jnp.searchsorted(edges, values, side=side)

    if boundaries.ndim > 1:
        lead = boundaries.shape[:-1]
        rows = [a.reshape(math.prod(lead), a.shape[-1]) for a in (boundaries, x)]
        found = jax.vmap(search)(*rows).reshape(x.shape)
    else:
        found = search(boundaries, x)
    return found.astype(jnp.int32 if out_int32 else integer())


def _bucketize(x: Any, boundaries: Any, *, out_int32: bool = False, right: bool = False) -> jax.Array:
    return _searchsorted(boundaries, x, out_int32=out_int32, right=right)


def _isin(x: Any, others: Any, *, assume_unique: bool = False, invert: bool = False) -> jax.Array:
    x, others = together(x, others)
    return jnp.isin(x, others, invert=invert)


def _histc(x: Any, bins: int = 100, min: Any = 0, max: Any = 0) -> jax.Array:
    low, high = (jnp.min(x), jnp.max(x)) if min == max else (jnp.asarray(min), jnp.asarray(max))
    low, high = jnp.where(low == high, low - 1, low), jnp.where(low == high, high + 1, high)
    inside = (x >= low) & (x <= high)
    at = ((x - low) * bins / (high - low)).astype(jnp.int32)
    at = jnp.where(inside, jnp.minimum(at, bins - 1), bins).reshape(-1)
    return jnp.zeros(bins, x.dtype).at[at].add(1, mode="drop")


def put_view(base: Any, value: Any, chain: Any, find: Callable[[str], Any]) -> jax.Array:
    """The base with other values where a chain of views shows it."""
    at = jnp.arange(base.size).reshape(base.shape)
    for op, args, kwargs in chain:
        at = find(op)(at, *args, **dict(kwargs))
    value = jnp.broadcast_to(value, at.shape).astype(base.dtype)
    return base.reshape(-1).at[at.reshape(-1)].set(value.reshape(-1)).reshape(base.shape)


TABLE: dict[str, Callable[..., Any]] = {
    "index": lambda x, indices: x[_where_index(indices)],
    "index_put": _index_put,
    "index_select": _index_select,
    "index_add": _index_add,
    "gather": _gather,
    "take_along_dim": _take_along,
    "scatter.src": _scatter,
    "scatter.value": _scatter,
    "scatter_add": _scatter_add,
    "scatter.reduce": _scatter_with,
    "scatter.value_reduce": _scatter_with,
    "index_reduce": _index_reduce,
    "scatter_reduce.two": _scatter_reduce,
    "take": _take,
    "put": _put,
    "masked_scatter": _masked_scatter,
    "slice_scatter": _slice_scatter,
    "select_scatter": _select_scatter,
    "diagonal_scatter": _diagonal_scatter,
    "as_strided": _as_strided,
    "as_strided_scatter": _as_strided_scatter,
    "searchsorted": _searchsorted,
    "bucketize": _bucketize,
    "isin": _isin,
    "histc": _histc,
}
