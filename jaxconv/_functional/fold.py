"""torch.nn.functional's unfold (im2col) and fold (col2im)."""

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import array, check_spatial_input, refuse_dtype
from jaxconv._arrays import reshaped
from jaxconv._spec import low_ends
from jaxconv._spec_pool import PoolSpec, blocks, fold_size, fold_spec
from jaxconv._types import ArrayLike, Size

__all__ = ["fold", "unfold"]


def _window(spec: PoolSpec) -> tuple[tuple[int, ...], ...]:
    return spec.kernel_size, spec.dilation, spec.stride


def unfold(
    input: ArrayLike, kernel_size: Size, dilation: Size = 1, padding: Size = 0, stride: Size = 1
) -> jax.Array:
    """The windows of an image as columns: torch.nn.functional.unfold.

    Args:
        input: (N, C, H, W) or (C, H, W). Floating, complex or bool.
        kernel_size, dilation, padding, stride: ints or pairs, as of a convolution.

    Returns:
        (N, C * prod(kernel_size), L) or without N; L windows in row-major order.

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: an integer input, or an argument of the wrong type.
    """
    return unfold_windows(fold_spec(kernel_size, dilation, padding, stride), input)


def unfold_windows(spec: PoolSpec, input: ArrayLike) -> jax.Array:
    """The windows of an image as columns."""
    x = array("input", input)
    refuse_dtype("unfold", x, jnp.integer)
    check_spatial_input("unfold", 2, x.shape)
    counts = blocks("unfold", x.shape[-2:], spec)
    images = x if x.ndim == 4 else x[None]
    pads = [(0, 0, 0), (0, 0, 0), *((low, high, 0) for low, high in spec.padding)]
    y = lax.pad(images, jnp.zeros((), x.dtype), pads)
    # One dimension after the other: sum(kernel_size) slices, not prod(kernel_size).
    for dim, (out, k, d, s) in enumerate(zip(counts, *_window(spec), strict=True)):
        axis = 2 + 2 * dim  # after the batch, the channels and what earlier dimensions became
        taps = [lax.slice_in_dim(y, i * d, i * d + (out - 1) * s + 1, s, axis) for i in range(k)]
        y = jnp.stack(taps, 2 + dim)
    n, c = images.shape[:2]
    columns = reshaped(y, (n, c * math.prod(spec.kernel_size), math.prod(counts)))
    return columns if x.ndim == 4 else columns[0]


def fold(
    input: ArrayLike,
    output_size: Size,
    kernel_size: Size,
    dilation: Size = 1,
    padding: Size = 0,
    stride: Size = 1,
) -> jax.Array:
    """Adds windows up to an image, the transpose of `unfold`: torch.nn.functional.fold.

    Args:
        input: (N, C * prod(kernel_size), L) or without N. Floating, complex or bool.
        output_size: (H, W), or an int for both.
        kernel_size, dilation, padding, stride: ints or pairs, as of `unfold`.

    Returns:
        (N, C, H, W) or (C, H, W).

    Raises:
        ValueError: a value or shape that torch refuses too.
        TypeError: an integer input, or an argument of the wrong type.
    """
    return fold_windows(fold_spec(kernel_size, dilation, padding, stride), input, fold_size(output_size))


def fold_windows(spec: PoolSpec, input: ArrayLike, size: tuple[int, ...]) -> jax.Array:
    """Windows added up to an image of that size."""
    x = array("input", input)
    taps = math.prod(spec.kernel_size)
    refuse_dtype("fold", x, jnp.integer)
    if x.ndim not in (2, 3) or 0 in x.shape[-2:]:
        raise ValueError(
            f"Expected 2D or 3D (batch mode) input to fold with possibly 0 batch size and other non-zero dimensions, "
            f"but got `input` of shape {x.shape}"
        )
    counts = blocks("fold", size, spec)
    if x.shape[-2] % taps or x.shape[-1] != math.prod(counts):
        raise ValueError(
            f"fold: `input` of shape {x.shape} must have a multiple of {taps} (the product of kernel_size) rows and "
            f"{math.prod(counts)} columns (sliding blocks {counts})"
        )
    columns = x if x.ndim == 3 else x[None]
    n, c = columns.shape[0], x.shape[-2] // taps
    y = reshaped(columns, (n, c, *spec.kernel_size, *counts))
    whole = tuple(n + low + high for n, (low, high) in zip(size, spec.padding, strict=True))
    for dim, (total, out, k, d, s) in reversed(
        list(enumerate(zip(whole, counts, *_window(spec), strict=True)))
    ):
        axis = 2 + 2 * dim  # of the windows, once their elements, in dimension 2 + dim, are taken out
        parts = []
        for i in range(k):
            spread = [(0, 0, 0)] * (y.ndim - 1)
            spread[axis] = (i * d, total - i * d - (out - 1) * s - 1, s - 1)
            tap = lax.index_in_dim(y, i, 2 + dim, keepdims=False)
            parts.append(lax.pad(tap, jnp.zeros((), x.dtype), spread))
        y = functools.reduce(jnp.add, parts)  # of bools: or, as in torch
    (p, q), (h, w) = low_ends(spec.padding), size
    image = y[:, :, p : p + h, q : q + w]
    return image if x.ndim == 3 else image[0]
