"""ATen's Fourier transforms, and complex numbers as pairs of real ones."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def _scale(shape: Any, dims: Any, normalization: int) -> float:
    """ATen's 0, 1, 2: not at all, by the root of the number of elements, by that number."""
    n = math.prod(shape[d] for d in dims)
    return (1.0, n**-0.5, 1 / n)[normalization]


def _each(transform: Callable[..., jax.Array], x: Any, dims: Any) -> jax.Array:
    for dim in dims:
        x = transform(x, axis=dim, norm="forward" if transform is jnp.fft.ifft else "backward")
    return x


def _complex_to_complex(x: Any, dims: Any, normalization: int, forward: bool) -> jax.Array:
    y = _each(jnp.fft.fft if forward else jnp.fft.ifft, x, dims)
    return y if normalization == 0 else y * _scale(x.shape, dims, normalization)


def _real_to_complex(x: Any, dims: Any, normalization: int, onesided: bool) -> jax.Array:
    *others, last = dims
    first = (jnp.fft.rfft if onesided else jnp.fft.fft)(x, axis=last)
    y = _each(jnp.fft.fft, first, others)
    return y if normalization == 0 else y * _scale(x.shape, dims, normalization)


def _complex_to_real(x: Any, dims: Any, normalization: int, last_size: int) -> jax.Array:
    *others, last = dims
    y = jnp.fft.irfft(_each(jnp.fft.ifft, x, others), last_size, axis=last, norm="forward")
    return y if normalization == 0 else y * _scale(y.shape, dims, normalization)


def _as_real(x: Any) -> jax.Array:
    return jnp.stack([x.real, x.imag], -1)


def _as_complex(x: Any) -> jax.Array:
    return lax.complex(x[..., 0], x[..., 1])


def _angle(x: Any) -> jax.Array:
    if jnp.issubdtype(x.dtype, jnp.complexfloating):
        # torch's gradient at zero is zero.
        safe = jnp.where(x == 0, 1, x)
        return jnp.where(x == 0, 0, jnp.arctan2(safe.imag, safe.real))
    x = x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(jnp.float32)
    still = lax.stop_gradient(x)
    return jnp.where(jnp.isnan(still), still, jnp.where(still < 0, math.pi, 0).astype(x.dtype))


TABLE: dict[str, Callable[..., Any]] = {
    "_fft_c2c": _complex_to_complex,
    "_fft_r2c": _real_to_complex,
    "_fft_c2r": _complex_to_real,
    "view_as_real": _as_real,
    "view_as_complex": _as_complex,
    "polar": lambda length, angle: lax.complex(length * jnp.cos(angle), length * jnp.sin(angle)),
    "conj": jnp.conj,
    "_conj": jnp.conj,
    "_conj_physical": jnp.conj,
    "conj_physical": jnp.conj,
    "resolve_conj": lambda x: x,
    "resolve_neg": lambda x: x,
    "_neg_view": jnp.negative,
    "angle": _angle,
}
