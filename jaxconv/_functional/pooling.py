"""torch.nn.functional's pooling."""

import math
from typing import Literal, Protocol, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._args import array, refuse_dtype
from jaxconv._arrays import along
from jaxconv._spec_pool import PoolSpec, check_pool_input, pool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["max_pool1d", "max_pool2d", "max_pool3d"]

_DOC = """Applies a {n}D max pooling over an input of several planes: torch.nn.functional.max_pool{n}d.

    Padding is with minus infinity, so padded elements are never chosen. Of several equal greatest elements the first
    in row-major order is chosen and alone receives the gradient; NaN is greater than all, and of several the last is
    chosen. All as in torch.

    Args:
        input: (N, C, {size}) or unbatched (C, {size}). N may be 0. Floating or integer.
        kernel_size: int or a tuple of {n}: the window.
        stride: int or a tuple of {n}; None means kernel_size.
        padding: int or a tuple of {n}: at most half of kernel_size.
        dilation: int or a tuple of {n}: the distance between the window's elements.
        ceil_mode: whether a last window that is partly outside counts (torch.nn.MaxPool{n}d's documentation).
        return_indices: whether to return (output, indices). An index counts the elements of one input plane in
            row-major order; int64, or int32 where JAX's 64-bit types are off.

    Returns:
        (N, C, *out) or (C, *out), in the input's dtype, or the pair (output, indices).

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: a bool or complex input, or an argument of the wrong type.
    """


class _MaxPool(Protocol):
    __name__: str

    @overload
    def __call__(
        self,
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: Literal[False] = False,
    ) -> jax.Array: ...

    @overload
    def __call__(
        self,
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        *,
        return_indices: Literal[True],
    ) -> tuple[jax.Array, jax.Array]: ...

    @overload
    def __call__(
        self,
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array]: ...


def _pad_lowest(x: jax.Array, spec: PoolSpec, out: tuple[int, ...]) -> jax.Array:
    lowest = -jnp.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
    widths = [(0, 0, 0)] * (x.ndim - spec.ndim)
    for n, o, k, s, (p, _), d in zip(
        x.shape[-spec.ndim :], out, spec.kernel_size, spec.stride, spec.padding, spec.dilation, strict=True
    ):
        # ceil_mode may need more than `padding` at the end, a stride that leaves a rest less.
        widths.append((p, (o - 1) * s + (k - 1) * d + 1 - p - n, 0))
    return lax.pad(x, jnp.asarray(lowest, x.dtype), widths)


def _pool_dim(
    spec: PoolSpec, dim: int, out: int, x: jax.Array, index: jax.Array | None, pitch: int
) -> tuple[jax.Array, jax.Array | None]:
    """Pools one spatial dimension of the padded x.

    Row-major order of a window is the lexicographic order of its dimensions, so "first greatest, last NaN" may be
    decided dimension by dimension, the last one first: sum(k) taps instead of prod(k). A chain of selects, not
    `lax.reduce_window`: it gives torch's choice among equals, the indices, and every derivative in both modes.

    Args:
        spec: the window.
        dim: which spatial dimension.
        out: the output's size in that dimension.
        x: (N, C, *padded), its later spatial dimensions already pooled.
        index: the flat index of each of x's elements as far as later dimensions decide it, or None for no indices.
        pitch: how far neighbours in this dimension are apart in the flat index.
    """
    axis = x.ndim - spec.ndim + dim
    k, s, (p, _), d = spec.kernel_size[dim], spec.stride[dim], spec.padding[dim], spec.dilation[dim]
    # The output's size may be symbolic: jnp, not NumPy.
    start = jnp.arange(out) * s - p
    # The first tap inside the input. torch starts from it, so it is chosen where all are minus infinity.
    first = -(-jnp.maximum(-start, 0) // d)

    def here_along(values: jax.Array) -> jax.Array:
        return along(values, axis, x.ndim)

    def tap(i: int) -> tuple[jax.Array, jax.Array | None]:
        def part(a: jax.Array) -> jax.Array:
            return lax.slice_in_dim(a, i * d, i * d + (out - 1) * s + 1, s, axis)

        return part(x), None if index is None else part(index) + here_along((start + i * d) * pitch)

    best, at = tap(0)
    for i in range(1, k):
        value, here = tap(i)
        wins = (value > best) | (value != value)
        if i <= -(-p // d):
            wins = wins | here_along(first == i)
        best = jnp.where(wins, value, best)
        at = None if at is None or here is None else jnp.where(wins, here, at)
    return best, at


def max_pool_windows(
    spec: PoolSpec, input: ArrayLike, return_indices: bool = False
) -> jax.Array | tuple[jax.Array, jax.Array]:
    """The max pooling of an array, and its indices if asked for."""
    op, x = f"max_pool{spec.ndim}d", array("input", input)
    refuse_dtype(op, x, jnp.bool_, jnp.complexfloating)
    check_pool_input(op, spec, x.shape)
    size = x.shape[-spec.ndim :]
    out = spec.output_size(size)
    y = _pad_lowest(x, spec, out)
    int_type = jax.dtypes.canonicalize_dtype(np.int64)  # int32 where 64-bit types are off
    index = jnp.zeros_like(y, int_type) if return_indices else None
    for dim in reversed(range(spec.ndim)):
        y, index = _pool_dim(spec, dim, out[dim], y, index, math.prod(size[dim + 1 :]))
    return y if index is None else (y, index)


def _make(ndim: int) -> _MaxPool:
    def max_pool(
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        return max_pool_windows(
            pool_spec(ndim, kernel_size, stride, padding, dilation, ceil_mode), input, return_indices
        )

    max_pool.__name__ = max_pool.__qualname__ = f"max_pool{ndim}d"
    max_pool.__doc__ = _DOC.format(n=ndim, size=", ".join("DHW"[-ndim:]))
    return cast(_MaxPool, max_pool)


max_pool1d = _make(1)
max_pool2d = _make(2)
max_pool3d = _make(3)
