"""torch.nn.functional's max unpooling."""

import functools
import math
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._spec import check_spatial_input
from jaxconv._spec_pool import unpool_size, unpool_spec
from jaxconv.functional._arrays import array, refuse_dtype

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
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> jax.Array: ...


# A custom rule, because that of `scatter` gives a place's gradient to one of its elements only.
@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _scattered(values: jax.Array, places: jax.Array, size: int) -> jax.Array:
    """(planes, n) values at their places in (planes, size) zeros."""
    rows = jnp.arange(values.shape[0])[:, None]
    return jnp.zeros((values.shape[0], size), values.dtype).at[rows, places].set(values, mode="drop")


@_scattered.defjvp
def _(size: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (values, places), (dvalues, _) = primals, tangents
    rows = jnp.arange(values.shape[0])[:, None]
    added = jnp.zeros((values.shape[0], size), values.dtype).at[rows, places].add(dvalues, mode="drop")
    return _scattered(values, places, size), added


def _make(ndim: int) -> _MaxUnpool:
    op = f"max_unpool{ndim}d"

    def max_unpool(
        input: Any,
        indices: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Any = None,
    ) -> jax.Array:
        x, at = array("input", input), array("indices", indices)
        refuse_dtype(op, x, jnp.bool_, jnp.integer, jnp.complexfloating)
        if at.dtype != jax.dtypes.canonicalize_dtype(np.int64):
            raise TypeError(f"{op}: `indices` should be of dtype int64, but got {at.dtype}")
        check_spatial_input(op, ndim, x.shape)
        if at.shape != x.shape:
            raise ValueError(
                f"Expected shape of `indices` to be same as that of `input` ({x.shape}), but got {at.shape}"
            )
        out = unpool_size(op, x.shape[-ndim:], *unpool_spec(ndim, kernel_size, stride, padding), output_size)
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
        return _scattered(x.reshape(flat), at.reshape(flat), size).reshape(*planes, *out)

    max_unpool.__name__ = max_unpool.__qualname__ = op
    max_unpool.__doc__ = _DOC.format(n=ndim, size=", ".join("DHW"[-ndim:]))
    return max_unpool


max_unpool1d = _make(1)
max_unpool2d = _make(2)
max_unpool3d = _make(3)
