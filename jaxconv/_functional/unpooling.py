"""torch.nn.functional's max unpooling."""

import functools
import math
from collections.abc import Sequence
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._args import array, check_spatial_input, refuse_dtype
from jaxconv._arrays import reshaped
from jaxconv._spec_pool import PoolSpec, unpool_size, unpool_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]

_DOC = """The partial inverse of max_pool{n}d: torch.nn.functional.max_unpool{n}d.

    Args:
        input: (N, C, {size}) or unbatched (C, {size}): what max pooling gave. Floating.
        indices: of the same shape: where each element goes in its plane, as max pooling gave them: int64, or int32
            where JAX's 64-bit types are off. Of several that go to one place (in a pooling's result they are equal) any
            may count; the place's gradient goes to each. As in torch.
        kernel_size, stride, padding: the pooling's.
        output_size: of the pooling's input, with or without N and C, where it is not the default
            (size - 1) stride - 2 padding + kernel_size.

    Returns:
        (N, C, *out) or (C, *out): zeros but for the given elements.

    Raises:
        ValueError: an index outside of the output, or a shape that torch refuses too. Under a transformation that
            traces the indices they cannot be looked at: what is outside is then left out.
        TypeError: another dtype, or an argument of the wrong type.
    """


class _MaxUnpool(Protocol):
    __name__: str

    def __call__(
        self,
        input: ArrayLike,
        indices: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        output_size: Sequence[int] | None = None,
    ) -> jax.Array: ...


# A custom rule, because that of `scatter` gives a place's gradient to one of its elements only.
@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _scattered(values: jax.Array, places: jax.Array, size: int) -> jax.Array:
    """(planes, n) values at their places in (planes, size) zeros."""
    blank, rows = _blank(values, size)
    return blank.at[rows, places].set(values, mode="drop", out_sharding=_spread(values))


def _blank(values: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """(planes, size) zeros, spread over devices as (planes, n) values are, and the number of each plane."""
    rows = lax.broadcasted_iota(int, values.shape, 0, out_sharding=_spread(values))
    return jnp.zeros((values.shape[0], size), values.dtype, out_sharding=_spread(values)), rows


def _spread(values: jax.Array) -> Any:
    """How (planes, n) values are spread over an explicit mesh; None if they are not."""
    sharding = jax.typeof(values).sharding
    return sharding if any(axis is not None for axis in sharding.spec) else None


@_scattered.defjvp
def _(size: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (values, places), (dvalues, _) = primals, tangents
    blank, rows = _blank(values, size)
    added = blank.at[rows, places].add(dvalues, mode="drop", out_sharding=_spread(values))
    return _scattered(values, places, size), added


def max_unpool_windows(
    spec: PoolSpec, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None
) -> jax.Array:
    """The max unpooling of an array."""
    ndim, op = spec.ndim, f"max_unpool{spec.ndim}d"
    x, at = array("input", input), array("indices", indices)
    refuse_dtype(op, x, jnp.bool_, jnp.integer, jnp.complexfloating)
    if at.dtype != jax.dtypes.canonicalize_dtype(np.int64):
        raise TypeError(f"{op}: `indices` should be of dtype int64, but got {at.dtype}")
    check_spatial_input(op, ndim, x.shape)
    if at.shape != x.shape:
        raise ValueError(
            f"Expected shape of `indices` to be same as that of `input` ({x.shape}), but got {at.shape}"
        )
    out = unpool_size(op, spec, x.shape[-ndim:], output_size)
    size = math.prod(out)
    if not isinstance(at, jax.core.Tracer) and at.size:
        low, high = int(at.min()), int(at.max())
        if low < 0 or high >= size:
            raise ValueError(
                f"{op}: found an invalid max index {low if low < 0 else high} (output volumes are of size {out})"
            )
    planes = x.shape[: x.ndim - ndim]
    flat = (math.prod(planes), math.prod(x.shape[-ndim:]))
    at = jnp.where(at < 0, size, at)  # which would count from the end
    return reshaped(_scattered(reshaped(x, flat), reshaped(at, flat), size), (*planes, *out))


def _make(ndim: int) -> _MaxUnpool:
    def max_unpool(
        input: ArrayLike,
        indices: ArrayLike,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        output_size: Sequence[int] | None = None,
    ) -> jax.Array:
        return max_unpool_windows(
            unpool_spec(ndim, kernel_size, stride, padding), input, indices, output_size
        )

    max_unpool.__name__ = max_unpool.__qualname__ = f"max_unpool{ndim}d"
    max_unpool.__doc__ = _DOC.format(n=ndim, size=", ".join("DHW"[-ndim:]))
    return max_unpool


max_unpool1d = _make(1)
max_unpool2d = _make(2)
max_unpool3d = _make(3)
