"""torch's padding modes as arrays: explicit (low, high) padding in, the padded array out."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import symbolic
from jaxconv._spec import Padding


def check_pad(mode: str, size: tuple[int, ...], padding: Padding) -> None:
    """Torch's limits: reflect stays inside the input, circular wraps once, and no mode crops all away."""
    for axis, (n, (low, high)) in enumerate(zip(size, padding, strict=True)):
        if symbolic(n):
            continue  # slicing and export refuse what they cannot prove
        widest = max(low, high)
        cropped = n + min(low, 0) + min(high, 0)
        if mode == "reflect" and widest >= n:
            raise ValueError(
                f"reflect: padding size should be less than the corresponding input dimension, but got padding "
                f"{(low, high)} at spatial dimension {axis} of input size {size}"
            )
        if mode == "circular" and widest > cropped:
            raise ValueError(
                f"circular: padding value causes wrapping around more than once: got padding {(low, high)} at "
                f"spatial dimension {axis} of input size {size}"
            )
        if cropped < 0 or n + low + high < (0 if mode == "constant" else 1):
            raise ValueError(
                f"{mode}: padding {(low, high)} at spatial dimension {axis} of input size {size} leaves "
                f"{n + low + high} elements"
            )


def pad_spatial(x: jax.Array, padding: Padding, mode: str, value: float | complex = 0) -> jax.Array:
    """Pads the last `len(padding)` dimensions. A negative amount crops; limits as in `check_pad`.

    Args:
        x: (..., *size).
        padding: (low, high) for each of the last dimensions, in the dimensions' order.
        mode: 'constant', 'reflect', 'replicate' or 'circular'.
        value: the filling of 'constant'.
    """
    check_pad(mode, x.shape[x.ndim - len(padding) :], padding)
    if not any(low or high for low, high in padding):
        return x
    lead = x.ndim - len(padding)
    if mode == "constant":
        return lax.pad(
            x, jnp.asarray(value, x.dtype), [(0, 0, 0)] * lead + [(lo, hi, 0) for lo, hi in padding]
        )

    def crop(x: jax.Array) -> jax.Array:
        kept = [slice(max(-lo, 0), -max(-hi, 0) or None) for lo, hi in padding]
        return x[(..., *kept)]

    widths = [(0, 0)] * lead + [(max(lo, 0), max(hi, 0)) for lo, hi in padding]
    # torch crops before it wraps around, but after it reflects and replicates.
    if mode == "circular":
        return _wrapped(crop(x), widths)
    return crop(jnp.pad(x, widths, mode="reflect") if mode == "reflect" else _replicated(x, widths))


def _wrapped(x: jax.Array, widths: list[tuple[int, int]]) -> jax.Array:
    """`jnp.pad(x, widths, mode="wrap")` of at most the size, which may be symbolic."""
    for axis, (low, high) in enumerate(widths):
        if low or high:
            n = x.shape[axis]
            ends = lax.slice_in_dim(x, n - low, n, axis=axis), lax.slice_in_dim(x, 0, high, axis=axis)
            x = lax.concatenate([ends[0], x, ends[1]], axis)
    return x


def _replicated(x: jax.Array, widths: list[tuple[int, int]]) -> jax.Array:
    """`jnp.pad(x, widths, mode="edge")`, which slices every dimension, also a batch that devices share."""
    for axis, (low, high) in enumerate(widths):
        if low or high:
            first, last = (lax.slice_in_dim(x, i, i + 1, axis=axis) for i in (0, x.shape[axis] - 1))
            ends = [jnp.repeat(end, count, axis=axis) for end, count in ((first, low), (last, high))]
            x = lax.concatenate([ends[0], x, ends[1]], axis)
    return x
