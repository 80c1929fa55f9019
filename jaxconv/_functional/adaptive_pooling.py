"""torch.nn.functional's adaptive pooling: the output's size is given, the windows follow."""

import math
from typing import Any, Literal, Protocol, cast, overload

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._args import array, check_bool, check_spatial_input, refuse_dtype, symbolic
from jaxconv._dtypes import widened
from jaxconv._functional.avg_pooling import window_sums
from jaxconv._rows import mean
from jaxconv._spec_pool import adaptive_size
from jaxconv._types import ArrayLike, SizeOrNone

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]

_DOC = """Applies a {n}D adaptive {what} pooling: torch.nn.functional.adaptive_{kind}_pool{n}d.

    Output i of o is over the inputs from floor(i n / o) to ceil((i + 1) n / o), in each dimension.

    Args:
        input: (N, C, {size}) or unbatched (C, {size}), floating. N may be 0.
        output_size: int or a tuple of {n}; None in it keeps the input's size in that dimension.{indices}

    Returns:
        (N, C, *output_size) or (C, *output_size), in the input's dtype{pair}.

    Raises:
        ValueError: a negative size, or an input that torch refuses too.
        TypeError: another dtype, or an argument of the wrong type.
    """
_INDICES = """
        return_indices: whether to return (output, indices). An index counts the elements of one input plane in
            row-major order."""


class _AdaptiveAvg(Protocol):
    __name__: str

    def __call__(self, input: ArrayLike, output_size: SizeOrNone) -> jax.Array: ...


class _AdaptiveMax(Protocol):
    __name__: str

    @overload
    def __call__(
        self, input: ArrayLike, output_size: SizeOrNone, return_indices: Literal[False] = False
    ) -> jax.Array: ...

    @overload
    def __call__(
        self, input: ArrayLike, output_size: SizeOrNone, return_indices: Literal[True]
    ) -> tuple[jax.Array, jax.Array]: ...

    @overload
    def __call__(
        self, input: ArrayLike, output_size: SizeOrNone, return_indices: bool = False
    ) -> jax.Array | tuple[jax.Array, jax.Array]: ...


def _along(axis: int, ndim: int) -> tuple[int, ...]:
    return tuple(-1 if i == axis else 1 for i in range(ndim))


def _window_taps(size: int, out: int) -> tuple[Any, Any]:
    """The windows of an adaptive pooling: floor(i size / out) to ceil((i + 1) size / out).

    Returns:
        The positions in each, (out, longest), after a window's end its last one again; and the lengths.
    """
    if symbolic(size, out):
        return _taps_of_any_size(size, out)
    at = np.arange(out)
    start, end = at * size // max(out, 1), -(-(at + 1) * size // max(out, 1))
    steps = np.arange((end - start).max(initial=1))
    return np.minimum(start[:, None] + steps, end[:, None] - 1), end - start


def _taps_of_any_size(size: Any, out: Any) -> tuple[jax.Array, jax.Array]:
    """`_window_taps` of a symbolic size, of which no window is longer than size // out + 2."""
    at = jnp.arange(out)
    start, end = at * size // out, -(-(at + 1) * size // out)
    return jnp.minimum(start[:, None] + jnp.arange(size // out + 2), end[:, None] - 1), end - start


def _mean_along(x: jax.Array, axis: int, out: int) -> jax.Array:
    size = x.shape[axis]
    if not symbolic(size, out) and out and size % out == 0:
        return window_sums(x, axis, size // out, size // out) / (size // out)
    taps, lengths = _window_taps(size, out)
    parts = jnp.take(x, taps, axis=axis, mode="clip")
    # Chosen, not multiplied by zero: what is beyond a window's end may be NaN.
    steps = (jnp if symbolic(taps.shape[1]) else np).arange(taps.shape[1])
    inside = (steps < lengths[:, None]).reshape(*taps.shape, *(1,) * (x.ndim - axis - 1))
    sums = jnp.where(inside, parts, jnp.zeros((), x.dtype)).sum(axis + 1)
    return sums / jnp.asarray(lengths.reshape(_along(axis, x.ndim)), x.dtype)


def _prepared(
    op: str, ndim: int, input: ArrayLike, output_size: SizeOrNone
) -> tuple[jax.Array, tuple[int, ...]]:
    x = array("input", input)
    refuse_dtype(op, x, jnp.bool_, jnp.integer, jnp.complexfloating)
    check_spatial_input(op, ndim, x.shape)
    return x, adaptive_size(op, output_size, x.shape[-ndim:])


def _make_avg(ndim: int) -> _AdaptiveAvg:
    op = f"adaptive_avg_pool{ndim}d"

    def adaptive_avg_pool(input: ArrayLike, output_size: SizeOrNone) -> jax.Array:
        x, out = _prepared(op, ndim, input, output_size)
        y = widened(x)
        if all(isinstance(o, int) and o == 1 for o in out):  # the global average, in one sum
            return mean(y, tuple(range(x.ndim - ndim, x.ndim)), keepdims=True).astype(x.dtype)
        for dim, size in enumerate(out):
            y = _mean_along(y, x.ndim - ndim + dim, size)
        return y.astype(x.dtype)

    adaptive_avg_pool.__name__ = adaptive_avg_pool.__qualname__ = op
    adaptive_avg_pool.__doc__ = _DOC.format(
        n=ndim, size=", ".join("DHW"[-ndim:]), what="average", kind="avg", indices="", pair=""
    )
    return adaptive_avg_pool


def _max_of_any_size(
    x: jax.Array, index: jax.Array | None, axis: int, out: Any, pitch: Any
) -> tuple[jax.Array, jax.Array | None]:
    """`_max_along` of a symbolic size."""
    size = x.shape[axis]
    taps, _ = _window_taps(size, out)
    windows = jnp.take(x, taps, axis=axis, mode="clip")
    at: Any = windows
    length = taps.shape[1]
    last_nan = length - 1 - jnp.argmax(jnp.flip(jnp.isnan(at), axis + 1), axis + 1, keepdims=True)
    chosen = jnp.argmax(windows, axis + 1, keepdims=True)
    chosen = jnp.where(jnp.isnan(at).any(axis + 1, keepdims=True), last_nan, chosen)
    value = lax.squeeze(jnp.take_along_axis(windows, chosen, axis + 1), (axis + 1,))
    if index is None:
        return value, None
    own = index + (jnp.arange(size, dtype=index.dtype) * pitch).reshape(_along(axis, x.ndim))
    own = jnp.take(jnp.broadcast_to(own, x.shape), taps, axis=axis, mode="clip")
    return value, lax.squeeze(jnp.take_along_axis(own, chosen, axis + 1), (axis + 1,))


def _max_along(
    x: jax.Array, index: jax.Array | None, axis: int, out: int, pitch: int
) -> tuple[jax.Array, jax.Array | None]:
    """The first greatest, or last NaN, of each window; `index` and `pitch` as in `jaxconv.functional.pooling`.

    The windows become a dimension of their own, in which neighbours are compared until one is left: a chain of
    comparisons, as there, takes minutes to compile where the window is all of a large input.
    """
    size = x.shape[axis]
    if symbolic(size, out):
        return _max_of_any_size(x, index, axis, out, pitch)
    if index is not None:
        index = index + (jnp.arange(size, dtype=index.dtype) * pitch).reshape(_along(axis, x.ndim))
    taps, _ = _window_taps(size, out)

    def windows(a: jax.Array) -> jax.Array:
        if out and size % out == 0:
            return a.reshape(*a.shape[:axis], out, size // out, *a.shape[axis + 1 :])
        return jnp.take(a, taps, axis=axis, mode="clip")

    def pairs(a: jax.Array) -> tuple[jax.Array, jax.Array]:
        n = a.shape[axis + 1]
        if n % 2:  # The last one, repeated, wins over itself only.
            a = lax.concatenate([a, lax.slice_in_dim(a, n - 1, n, 1, axis + 1)], axis + 1)
        return lax.slice_in_dim(a, 0, None, 2, axis + 1), lax.slice_in_dim(a, 1, None, 2, axis + 1)

    x, index = windows(x), None if index is None else windows(index)
    while x.shape[axis + 1] > 1:
        first, second = pairs(x)
        wins = (second > first) | (second != second)
        x = jnp.where(wins, second, first)
        if index is not None:
            first, second = pairs(index)
            index = jnp.where(wins, second, first)
    if index is not None:
        index = lax.squeeze(index, (axis + 1,))
    return lax.squeeze(x, (axis + 1,)), index


def _make_max(ndim: int) -> _AdaptiveMax:
    op = f"adaptive_max_pool{ndim}d"

    def adaptive_max_pool(
        input: ArrayLike, output_size: SizeOrNone, return_indices: bool = False
    ) -> jax.Array | tuple[jax.Array, jax.Array]:
        check_bool("return_indices", return_indices)
        x, out = _prepared(op, ndim, input, output_size)
        int_type = jax.dtypes.canonicalize_dtype(np.int64)
        y, index = x, jnp.zeros((1,) * x.ndim, int_type) if return_indices else None
        size = x.shape[-ndim:]
        for dim in reversed(range(ndim)):
            y, index = _max_along(y, index, x.ndim - ndim + dim, out[dim], math.prod(size[dim + 1 :]))
        # Where every window is of one element, nothing has spread the indices over the batch.
        return (y, jnp.broadcast_to(index, y.shape)) if index is not None else y

    adaptive_max_pool.__name__ = adaptive_max_pool.__qualname__ = op
    adaptive_max_pool.__doc__ = _DOC.format(
        n=ndim,
        size=", ".join("DHW"[-ndim:]),
        what="max",
        kind="max",
        indices=_INDICES,
        pair=", or the pair (output, indices)",
    )
    return cast(_AdaptiveMax, adaptive_max_pool)


adaptive_avg_pool1d = _make_avg(1)
adaptive_avg_pool2d = _make_avg(2)
adaptive_avg_pool3d = _make_avg(3)
adaptive_max_pool1d = _make_max(1)
adaptive_max_pool2d = _make_max(2)
adaptive_max_pool3d = _make_max(3)
