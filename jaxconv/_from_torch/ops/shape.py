"""ATen's operations that move elements, pick them, or make new ones."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._from_torch.ops._dtypes import category, integer, promoted


def _flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
    rank = max(x.ndim, 1)
    start, end = start_dim % rank, end_dim % rank
    shape = x.shape or (1,)
    return x.reshape(*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :])


def _unflatten(x: Any, dim: int, sizes: Any) -> jax.Array:
    dim %= x.ndim
    rest = x.shape[dim] // math.prod(s for s in sizes if s != -1) if -1 in sizes else -1
    return x.reshape(*x.shape[:dim], *(rest if s == -1 else s for s in sizes), *x.shape[dim + 1 :])


def _squeeze(x: Any, dim: Any = None) -> jax.Array:
    dims = range(x.ndim) if dim is None else dim if isinstance(dim, tuple) else (dim,)
    return x.squeeze(tuple(d % x.ndim for d in dims if x.shape[d] == 1)) if x.ndim else x


def _expand(x: Any, size: Any, implicit: bool = False) -> jax.Array:
    own = (1,) * (len(size) - x.ndim) + x.shape
    return jnp.broadcast_to(x, tuple(n if s == -1 else s for n, s in zip(own, size, strict=True)))


def _transpose(x: Any, dim0: int, dim1: int) -> jax.Array:
    return jnp.swapaxes(x, dim0, dim1) if x.ndim else x


def _cat(arrays: Any, dim: int = 0) -> jax.Array:
    kind = promoted(*arrays)
    # An old custom of torch: an empty vector fits beside anything.
    kept = [a.astype(kind) for a in arrays if a.shape != (0,)] or [arrays[0]]
    return jnp.concatenate(kept, dim)


def _stack(arrays: Any, dim: int = 0) -> jax.Array:
    kind = promoted(*arrays)
    return jnp.stack([a.astype(kind) for a in arrays], dim)


def _split(x: Any, size: Any, dim: int = 0) -> tuple[jax.Array, ...]:
    n = x.shape[dim]
    sizes = size if isinstance(size, tuple) else [size] * (n // size) + [n % size] * (n % size > 0)
    ends = np.cumsum(sizes)
    return tuple(_narrow(x, dim, int(end) - s, s) for s, end in zip(sizes, ends, strict=True))


def _chunk(x: Any, chunks: int, dim: int = 0) -> tuple[jax.Array, ...]:
    return _split(x, max(-(-x.shape[dim] // chunks), 1), dim)


def _narrow(x: Any, dim: int, start: int, length: int) -> jax.Array:
    start = start + x.shape[dim] if start < 0 else start
    return lax.slice_in_dim(x, start, start + length, axis=dim % x.ndim)


def _slices(x: Any, dim: int, start: Any, end: Any, step: int) -> tuple[slice, ...]:
    return (slice(None),) * (dim % x.ndim) + (slice(start, end, step),)


def _slice(x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> jax.Array:
    return x[_slices(x, dim, start, end, step)]


def _select(x: Any, dim: int, index: int) -> jax.Array:
    return lax.index_in_dim(x, index, dim % x.ndim, keepdims=False)


def _unbind(x: Any, dim: int = 0) -> tuple[jax.Array, ...]:
    return tuple(_select(x, dim, i) for i in range(x.shape[dim]))


def _one_hot(x: Any, num_classes: int = -1) -> jax.Array:
    if num_classes < 0:
        raise ValueError("one_hot needs `num_classes`: else the shape would depend on the numbers")
    return (x[..., None] == jnp.arange(num_classes)).astype(x.dtype)


def _diag_embed(x: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> jax.Array:
    n = x.shape[-1] + abs(offset)
    row = jnp.arange(x.shape[-1]) + max(-offset, 0)
    column = jnp.arange(x.shape[-1]) + max(offset, 0)
    full = jnp.zeros((*x.shape[:-1], n, n), x.dtype).at[..., row, column].set(x)
    return jnp.moveaxis(full, (-2, -1), (dim1, dim2))


def _tensor_split(x: Any, where: Any, dim: int = 0) -> tuple[jax.Array, ...]:
    return tuple(jnp.array_split(x, where, dim))


def _repeat(x: Any, repeats: Any) -> jax.Array:
    return jnp.tile(x, repeats)


def _repeat_interleave(x: Any, repeats: int, dim: Any = None, output_size: Any = None) -> jax.Array:
    return jnp.repeat(x, repeats, axis=dim)


def _roll(x: Any, shifts: Any, dims: Any = ()) -> jax.Array:
    return jnp.roll(x, shifts, dims if dims != () else None)


def _movedim(x: Any, source: Any, destination: Any) -> jax.Array:
    return jnp.moveaxis(x, source, destination)


def _unfold(x: Any, dim: int, size: int, step: int) -> jax.Array:
    dim %= max(x.ndim, 1)
    starts = np.arange((x.shape[dim] - size) // step + 1) * step
    windows = jnp.take(x, starts[:, None] + np.arange(size), axis=dim)
    return jnp.moveaxis(windows, dim + 1, -1)


def _meshgrid(arrays: Any, indexing: str = "ij") -> tuple[jax.Array, ...]:
    return tuple(jnp.meshgrid(*(a.reshape(-1) for a in arrays), indexing=indexing))


def _to(x: Any, dtype: Any = None, *rest: Any, copy: Any = None) -> jax.Array:
    if dtype is None or dtype == x.dtype:
        return x
    if category(x.dtype) == 3 and category(dtype) < 3:
        x = x.real
    return x.astype(dtype)


def _to_device(x: Any, device: Any = None, dtype: Any = None, *rest: Any) -> jax.Array:
    return _to(x, dtype)


def _to_other(x: Any, other: Any, *rest: Any) -> jax.Array:
    return _to(x, other.dtype)


def _like(x: Any, old: Any) -> jax.Array:
    """What an in-place operation leaves: the tensor keeps its dtype and shape."""
    return jnp.broadcast_to(_to(x, old.dtype), old.shape)


def _fill(x: Any, value: Any) -> jax.Array:
    return jnp.full_like(x, value) if not isinstance(value, jax.Array) else _like(value, x)


def _arange(*limits: Any, dtype: Any = None) -> jax.Array:
    start, end = limits[:2] if len(limits) > 1 else (0, limits[0])
    step = limits[2] if len(limits) > 2 else 1
    kind = jnp.float32 if any(isinstance(x, float) for x in limits) else integer()
    return jnp.arange(start, end, step, dtype or kind)


def _linspace(start: Any, end: Any, steps: int, dtype: Any = None) -> jax.Array:
    return jnp.linspace(start, end, steps, dtype=dtype or jnp.float32)


def _full(size: Any, value: Any, dtype: Any = None) -> jax.Array:
    kinds = {bool: jnp.bool_, int: integer(), float: jnp.float32, complex: jnp.complex64}
    if isinstance(value, jax.Array):
        return jnp.full(size, value, dtype or value.dtype)
    return jnp.full(size, value, dtype or kinds[type(value)])


def _zeros(size: Any, dtype: Any = None) -> jax.Array:
    return jnp.zeros(size, dtype or jnp.float32)


def _ones(size: Any, dtype: Any = None) -> jax.Array:
    return jnp.ones(size, dtype or jnp.float32)


def _full_like(x: Any, value: Any, dtype: Any = None) -> jax.Array:
    return jnp.full(x.shape, value, dtype or x.dtype)


def _eye(n: int, m: Any = None, dtype: Any = None) -> jax.Array:
    return jnp.eye(n, m, dtype=dtype or jnp.float32)


def _scalar(value: Any, dtype: Any = None) -> jax.Array:
    return _full((), value, dtype)


TABLE: dict[str, Callable[..., Any]] = {
    "view": lambda x, size: x.reshape(size),
    "_unsafe_view": lambda x, size: x.reshape(size),
    "reshape": lambda x, size: x.reshape(size),
    "view_as": lambda x, other: x.reshape(other.shape),
    "reshape_as": lambda x, other: x.reshape(other.shape),
    "flatten": _flatten,
    "unflatten": _unflatten,
    "permute": lambda x, dims: jnp.transpose(x, dims),
    "transpose": _transpose,
    "swapaxes": _transpose,
    "swapdims": _transpose,
    "t": lambda x: x.T,
    "numpy_T": lambda x: x.T,
    "mT": lambda x: jnp.swapaxes(x, -1, -2),
    "movedim": _movedim,
    "moveaxis": _movedim,
    "unsqueeze": lambda x, dim: jnp.expand_dims(x, dim),
    "squeeze": _squeeze,
    "expand": _expand,
    "broadcast_to": _expand,
    "expand_as": lambda x, other: jnp.broadcast_to(x, other.shape),
    "repeat": _repeat,
    "tile": _repeat,
    "repeat_interleave.self_int": _repeat_interleave,
    "flip": lambda x, dims: jnp.flip(x, dims),
    "roll": _roll,
    "cat": _cat,
    "concat": _cat,
    "concatenate": _cat,
    "stack": _stack,
    "split": _split,
    "split_with_sizes": _split,
    "chunk": _chunk,
    "unbind": _unbind,
    "select": _select,
    "slice": _slice,
    "narrow.default": _narrow,
    "getitem": lambda values, i: values[i],
    "one_hot": _one_hot,
    "diag_embed": _diag_embed,
    "diag": lambda x, diagonal=0: jnp.diag(x, diagonal),
    "tensor_split.sections": _tensor_split,
    "tensor_split.indices": _tensor_split,
    "rot90": lambda x, k=1, dims=(0, 1): jnp.rot90(x, k, dims),
    "dstack": jnp.dstack,
    "hstack": jnp.hstack,
    "vstack": jnp.vstack,
    "unfold": _unfold,
    "tril": lambda x, diagonal=0: jnp.tril(x, diagonal),
    "triu": lambda x, diagonal=0: jnp.triu(x, diagonal),
    "diagonal": lambda x, offset=0, dim1=0, dim2=1: jnp.diagonal(x, offset, dim1, dim2),
    "meshgrid": _meshgrid,
    "broadcast_tensors": lambda arrays: tuple(jnp.broadcast_arrays(*arrays)),
    "to": _to,
    "to.device": _to_device,
    "to.other": _to_other,
    "to.dtype_layout": lambda x, dtype=None, copy=None: _to(x, dtype),
    "to.prim_Device": _to_device,
    "type_as": _to_other,
    "_to_copy": lambda x, dtype=None: _to(x, dtype),
    "like": _like,
    "copy": lambda x, source, non_blocking=False: _like(source, x),
    "fill": _fill,
    "zero": jnp.zeros_like,
    "contiguous": lambda x: x,
    "clone": lambda x: x,
    "alias": lambda x: x,
    "lift_fresh": lambda x: x,
    "lift_fresh_copy": lambda x: x,
    "detach": lax.stop_gradient,
    "arange": _arange,
    "linspace": _linspace,
    "zeros": _zeros,
    "ones": _ones,
    "empty": _zeros,
    "empty_strided": lambda size, stride, dtype=None: _zeros(size, dtype),
    "full": _full,
    "eye": _eye,
    "scalar_tensor": _scalar,
    "zeros_like": lambda x, dtype=None: _full_like(x, 0, dtype),
    "ones_like": lambda x, dtype=None: _full_like(x, 1, dtype),
    "empty_like": lambda x, dtype=None: _full_like(x, 0, dtype),
    "full_like": _full_like,
    "new_zeros": lambda x, size, dtype=None: jnp.zeros(size, dtype or x.dtype),
    "new_ones": lambda x, size, dtype=None: jnp.ones(size, dtype or x.dtype),
    "new_full": lambda x, size, value, dtype=None: jnp.full(size, value, dtype or x.dtype),
    "new_empty": lambda x, size, dtype=None: jnp.zeros(size, dtype or x.dtype),
}
