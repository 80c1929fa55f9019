"""torch.nn.functional's average and power-average pooling."""

import math
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._args import array, check_bool, check_divisor, check_norm_type, refuse_dtype
from jaxconv._arrays import along, ranked
from jaxconv._dtypes import widened
from jaxconv._functional.pooling import max_pool_windows
from jaxconv._spec import low_ends
from jaxconv._spec_pool import PoolSpec, check_pool_input, pool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d"]

_DOC = """Applies a {n}D average pooling over an input of several planes: torch.nn.functional.avg_pool{n}d.

    Args:
        input: (N, C, {size}) or unbatched (C, {size}). N may be 0. Floating, or int64 (int32 where JAX's 64-bit types
            are off), whose quotients are cut off.
        kernel_size: int or a tuple of {n}: the window.
        stride: int or a tuple of {n}; None means kernel_size.
        padding: int or a tuple of {n}: zeros on both sides, at most half of kernel_size.
        ceil_mode: whether a last window that is partly outside counts; what is outside of the padding is never counted.
        count_include_pad: whether the padding's zeros are counted.{divisor}

    Returns:
        (N, C, *out) or (C, *out), in the input's dtype. Half-precision types are added up in float32.

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: another dtype, or an argument of the wrong type.
    """
_DIVISOR = """
        divisor_override: what the sum is divided by, instead of the count."""


class _AvgPool(Protocol):
    __name__: str

    def __call__(
        self,
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> jax.Array: ...


def window_sums(x: jax.Array, axis: int, kernel: int, stride: int) -> jax.Array:
    """The sums of windows along one dimension, which is `(out - 1 + ceil(kernel / stride)) * stride` long.

    `kernel = q * stride + rest` is q whole blocks of `stride` elements and the first `rest` of the next. With blocks as
    a dimension of their own there are no strided slices: their gradient (interior padding) is slow on the CPU, and
    so is `lax.reduce_window`.
    """
    q, rest = divmod(kernel, stride)
    if stride == 1:
        return _runs(x, axis, q)
    blocks = x.reshape(*x.shape[:axis], x.shape[axis] // stride, stride, *x.shape[axis + 1 :])
    if stride <= 16:  # spelled out, it is fused with what is around it
        parts = [lax.squeeze(part, (axis + 1,)) for part in lax.split(blocks, (1,) * stride, axis + 1)]
        whole, first = sum(parts[1:], parts[0]), sum(parts[1:rest], parts[0])
    else:
        whole, first = blocks.sum(axis + 1), lax.slice_in_dim(blocks, 0, rest, 1, axis + 1).sum(axis + 1)
    if not q:
        return first
    sums = _runs(whole, axis, q)
    if not rest:
        return sums
    out = first.shape[axis] - q
    return lax.slice_in_dim(sums, 0, out, 1, axis) + lax.slice_in_dim(first, q, q + out, 1, axis)


def _runs(x: jax.Array, axis: int, length: int) -> jax.Array:
    """The sums of `length` neighbours: of 1, 2, 4, 8, ... of them, then of those that make up `length`."""
    out, total, done, width = x.shape[axis] - length + 1, None, 0, 1
    while True:
        if length & width:
            part = lax.slice_in_dim(x, done, done + out, 1, axis)
            total, done = part if total is None else total + part, done + width
        if done == length:
            assert total is not None
            return total
        n = x.shape[axis]
        x = lax.slice_in_dim(x, 0, n - width, 1, axis) + lax.slice_in_dim(x, width, n, 1, axis)
        width *= 2


def _padded_sums(x: jax.Array, spec: PoolSpec, out: tuple[int, ...]) -> jax.Array:
    lead = x.ndim - spec.ndim
    dims = list(zip(x.shape[lead:], out, spec.kernel_size, spec.stride, spec.padding, strict=True))
    # To whole strides: past the padding in ceil_mode, and less than all of the input where a rest is left over.
    pads = [(p, (o - 1 + -(-k // s)) * s - p - n, 0) for n, o, k, s, (p, _) in dims]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0)] * lead + pads)
    for dim, (_, _, k, s, _) in enumerate(dims):
        x = window_sums(x, lead + dim, k, s)
    return x


def _counts(spec: PoolSpec, size: tuple[int, ...], out: tuple[int, ...], include_pad: bool) -> Any:
    """How many elements each window has: those of the padding too, if told so, but none beyond it."""
    if not spec.ceil_mode and (include_pad or not any(low_ends(spec.padding))):
        return math.prod(spec.kernel_size)
    total: Any = 1
    for dim, (n, o, k, s, (p, _)) in enumerate(
        zip(size, out, spec.kernel_size, spec.stride, spec.padding, strict=True)
    ):
        start = jnp.arange(o) * s - p
        end = jnp.minimum(start + k, n + p)
        count = end - start if include_pad else jnp.minimum(end, n) - jnp.maximum(start, 0)
        total = total * along(count, dim, spec.ndim)
    return total


def avg_pool_windows(
    spec: PoolSpec, input: ArrayLike, count_include_pad: bool = True, divisor: int | None = None
) -> jax.Array:
    """The average pooling of an array."""
    op, x = f"avg_pool{spec.ndim}d", array("input", input)
    refuse_dtype(op, x, jnp.bool_, jnp.complexfloating)
    if x.dtype != jax.dtypes.canonicalize_dtype(np.int64):
        refuse_dtype(op, x, jnp.integer)
    check_pool_input(op, spec, x.shape)
    size = x.shape[-spec.ndim :]
    out = spec.output_size(size)
    sums = _padded_sums(widened(x), spec, out)
    count = _counts(spec, size, out, count_include_pad) if divisor is None else divisor
    divided = jnp.broadcast_to(ranked(jnp.asarray(count, sums.dtype), sums.ndim), sums.shape)
    return lax.div(sums, divided).astype(x.dtype)  # of integers the quotient is cut off, as in torch


def _make(ndim: int) -> _AvgPool:
    def avg_pool(
        input: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> jax.Array:
        check_bool("count_include_pad", count_include_pad)
        spec = pool_spec(ndim, kernel_size, stride, padding, 1, ceil_mode)
        return avg_pool_windows(spec, input, count_include_pad, check_divisor(divisor_override))

    if ndim == 1:
        base = avg_pool

        def avg_pool1d(
            input: ArrayLike,
            kernel_size: Size,
            stride: Size | None = None,
            padding: Size = 0,
            ceil_mode: bool = False,
            count_include_pad: bool = True,
        ) -> jax.Array:
            return base(input, kernel_size, stride, padding, ceil_mode, count_include_pad)

        avg_pool = avg_pool1d  # type: ignore[assignment]
    avg_pool.__name__ = avg_pool.__qualname__ = f"avg_pool{ndim}d"
    avg_pool.__doc__ = _DOC.format(
        n=ndim, size=", ".join("DHW"[-ndim:]), divisor=_DIVISOR if ndim > 1 else ""
    )
    return avg_pool


avg_pool1d = _make(1)
avg_pool2d = _make(2)
avg_pool3d = _make(3)

_LP_DOC = """Applies a {n}D power-average pooling: torch.nn.functional.lp_pool{n}d.

    (sum over the window of x^p)^(1/p). Where the sum is 0 the gradient is 0; a negative sum has no root but for p = 1;
    for p = inf and -inf it is the greatest and the least absolute value. All as in torch, and so is this: of a window
    that `ceil_mode` cuts off, the mean is multiplied by the whole window's size.

    Args:
        input: (N, C, {size}) or unbatched (C, {size}). Floating; integers and bools only with a finite float as
            `norm_type`: they become float32.
        norm_type: p, an int or float that is not 0.
        kernel_size: int or a tuple of {n}: the window.
        stride: int or a tuple of {n}; None means kernel_size.
        ceil_mode: whether a last window that is partly outside counts.

    Returns:
        (N, C, *out) or (C, *out), in the input's dtype; half-precision types are rounded after each step.

    Raises:
        ValueError: a p of 0; a value or shape that torch refuses too.
        TypeError: another dtype, or an argument of the wrong type.
    """


class _LPPool(Protocol):
    __name__: str

    def __call__(
        self,
        input: ArrayLike,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> jax.Array: ...


def lp_pool_windows(spec: PoolSpec, input: ArrayLike, p: float) -> jax.Array:
    """The power-average pooling of an array."""
    op, x = f"lp_pool{spec.ndim}d", array("input", input)
    refuse_dtype(op, x, jnp.complexfloating)
    if not isinstance(p, float) or math.isinf(p):
        refuse_dtype(op, x, jnp.integer, jnp.bool_)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(jnp.float32)
    if math.isinf(p):
        # |x| with torch's derivative at 0 and at NaN, which is 0.
        size = x * ((x > 0).astype(x.dtype) - (x < 0).astype(x.dtype))
        sign = 1 if p > 0 else -1
        pooled: Any = max_pool_windows(spec, sign * size)
        return sign * pooled
    powers = lax.integer_pow(x, int(p)) if float(p).is_integer() else x**p
    total = avg_pool_windows(spec, powers) * math.prod(spec.kernel_size)
    zero = total == 0
    root = jnp.where(zero, 1, total)
    root = root if p == 1 else jnp.sqrt(root) if p == 2 else root ** (1 / p)
    return jnp.where(zero, 0.0 if p > 0 else jnp.inf, root)


def _make_lp(ndim: int) -> _LPPool:
    def lp_pool(
        input: ArrayLike,
        norm_type: float,
        kernel_size: Size,
        stride: Size | None = None,
        ceil_mode: bool = False,
    ) -> jax.Array:
        p = check_norm_type(norm_type)
        return lp_pool_windows(pool_spec(ndim, kernel_size, stride, 0, 1, ceil_mode), input, p)

    lp_pool.__name__ = lp_pool.__qualname__ = f"lp_pool{ndim}d"
    lp_pool.__doc__ = _LP_DOC.format(n=ndim, size=", ".join("DHW"[-ndim:]))
    return lp_pool


lp_pool1d = _make_lp(1)
lp_pool2d = _make_lp(2)
lp_pool3d = _make_lp(3)
