"""ATen's fractional max pooling (B. Graham, Fractional Max-Pooling, 2014), with the random numbers as an argument."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._from_torch.ops._dtypes import integer


def _starts(samples: Any, size: int, out: int, kernel: int) -> jax.Array:
    """Where each window begins along one axis: (N, C, out)."""
    if out == 1:
        return jnp.full((*samples.shape, 1), size - kernel)
    step = (size - kernel) / (out - 1)
    steps = jnp.arange(out, dtype=samples.dtype)
    alpha = jnp.asarray(step, samples.dtype)
    starts = ((steps + samples[..., None]) * alpha).astype(jnp.int32) - (samples[..., None] * alpha).astype(
        jnp.int32
    )
    return jnp.where(jnp.arange(out) == out - 1, size - kernel, starts)


def _pool(axes: tuple[int, ...]) -> Callable[..., Any]:
    """A pooling whose random numbers for the spatial axes, in their order, lie at the places `axes`."""
    n = len(axes)

    def pool(x: Any, kernel: Any, out: Any, samples: Any) -> tuple[jax.Array, jax.Array]:
        batched = x if x.ndim == n + 2 else x[None]
        sizes = batched.shape[2:]
        at = jnp.zeros((), jnp.int32)  # (N, C, *out, *kernel): places in the flat feature map
        for d in range(n):
            start = _starts(samples[..., axes[d]], sizes[d], out[d], kernel[d])
            along = start[..., None] + jnp.arange(kernel[d])
            shape = [*along.shape[:2], *(1,) * (2 * n)]
            shape[2 + d], shape[2 + n + d] = out[d], kernel[d]
            at = at * sizes[d] + along.reshape(shape)
        at = at.reshape(*at.shape[: 2 + n], -1)
        lead = at.shape[:2]
        flat = batched.reshape(*lead, -1)
        windows = jnp.take_along_axis(flat, at.reshape(*lead, -1), -1).reshape(at.shape)
        chosen = jnp.argmax(windows, -1, keepdims=True)
        value = jnp.take_along_axis(windows, chosen, -1)[..., 0]
        index = jnp.take_along_axis(at, chosen, -1)[..., 0].astype(integer())
        return (value, index) if x.ndim == n + 2 else (value[0], index[0])

    return pool


TABLE: dict[str, Callable[..., Any]] = {
    "fractional_max_pool2d": _pool((1, 0)),
    "fractional_max_pool3d": _pool((0, 1, 2)),
}
