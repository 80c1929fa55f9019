"""torch.nn.functional's normalisations without a mean: by neighbouring channels and by a norm."""

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._args import array, check_number, integer, positive, refuse_dtype
from jaxconv._dtypes import widened
from jaxconv._types import ArrayLike, Size

__all__ = ["local_response_norm", "normalize"]


def local_response_norm(
    input: ArrayLike, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> jax.Array:
    """Divides by the energy of neighbouring channels: torch.nn.functional.local_response_norm.

    y[c] = x[c] / (k + alpha / size * sum of x[c'] ** 2) ** beta, over the `size` channels from c - size // 2 on;
    those that do not exist count as 0 (Krizhevsky et al. 2012; torch.nn.LocalResponseNorm's documentation). Half
    types are computed in float32 and rounded once.

    Args:
        input: (N, C, *size), of at least 3 dimensions: floating, or int64, whose mean square is truncated and whose
            output is float32, as in torch.
        size: how many channels, positive.
        alpha: a number.
        beta: a number.
        k: a number.

    Returns:
        An array of the input's shape and, if floating, dtype.

    Raises:
        ValueError: fewer dimensions, or a size that is not positive.
        TypeError: another integer, a bool or complex input, or an argument of the wrong type.
    """
    x = array("input", input)
    if x.dtype != jnp.int64:
        refuse_dtype("local_response_norm", x, jnp.integer, jnp.bool_, jnp.complexfloating)
    size = positive("size", size)
    for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
        check_number(name, value)
    if x.ndim < 3:
        raise ValueError(f"Expected 3D or higher dimensionality `input`, but got `input` of shape {x.shape}")
    if x.size == 0:
        return x
    whole = x.dtype == jnp.int64
    x_wide = x if whole else widened(x)
    window, around = [1] * x.ndim, [(0, 0)] * x.ndim
    window[1], around[1] = size, (size // 2, (size - 1) // 2)
    zero = np.zeros((), x_wide.dtype)
    energy = lax.reduce_window(x_wide * x_wide, zero, lax.add, window, [1] * x.ndim, around)
    mean = (energy // size).astype(jnp.float32) if whole else energy / size
    return (x_wide.astype(mean.dtype) / (mean * alpha + k) ** beta).astype(mean.dtype if whole else x.dtype)


def normalize(
    input: ArrayLike, p: float | Literal["fro"] | None = 2.0, dim: Size | None = 1, eps: float = 1e-12
) -> jax.Array:
    """Divides by the p-norm along dimensions: torch.nn.functional.normalize, without `out`.

    y = x / max(norm, eps), where norm = sum(|x| ** p) ** (1 / p), the number of elements that are not 0 for p = 0, or
    the greatest or least absolute value for p = +-inf. Where the norm is 0, its gradient is, as in torch.
    Half-precision types are computed in float32 and rounded once: torch rounds the norm and eps too, which makes 0 / 0
    in float16.

    Args:
        input: any shape, floating or complex.
        p: a number; 'fro' and None mean 2.
        dim: int, a tuple of ints, or None or () for all dimensions.
        eps: the least divisor.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: a dimension that is out of range or named twice; no elements where the norm needs one.
        TypeError: an integer or bool input, p = 'nuc' (a matrix norm), or an argument of the wrong type.
    """
    x = array("input", input)
    refuse_dtype("normalize", x, jnp.integer, jnp.bool_)
    if p is None or (isinstance(p, str) and p == "fro"):
        p = 2.0
    check_number("p", p)
    check_number("eps", eps)
    axes = _axes(x, dim)
    if (p < 0 or p == math.inf) and x.size == 0 and (not axes or 0 in (x.shape[axis] for axis in axes)):
        raise ValueError(f"normalize: an `input` of shape {x.shape} has no {p}-norm along `dim` (={dim})")
    x_wide = widened(x)
    norm = _norm(x_wide, float(p), axes or tuple(range(x.ndim)))
    return (x_wide / jnp.maximum(norm, eps)).astype(x.dtype)


def _axes(x: jax.Array, dim: Any) -> tuple[int, ...]:
    if dim is None:
        return ()
    dims = dim if hasattr(dim, "__len__") and not isinstance(dim, str) else (dim,)
    # A scalar has a dimension 0, as in torch.
    rank, axes = max(x.ndim, 1), []
    for axis in (integer("dim", d) for d in dims):
        if not -rank <= axis < rank:
            raise ValueError(
                f"`dim` (={dim}) out of range: `input` of shape {x.shape} has dimensions {-rank} to {rank - 1}"
            )
        axes.append(axis % rank)
    if len(set(axes)) < len(axes):
        raise ValueError(f"`dim` (={dim}) names a dimension twice")
    return tuple(axes) if x.ndim else ()


def _norm(x: jax.Array, p: float, axes: tuple[int, ...]) -> jax.Array:
    """The p-norm, with torch's derivatives: finite where an element or the norm is 0."""
    if p == 2:
        square = x.real**2 + x.imag**2 if jnp.iscomplexobj(x) else x * x
        total = jnp.sum(square, axes, keepdims=True)
        none = total == 0
        return jnp.where(none, 0, jnp.sqrt(jnp.where(none, 1, total)))
    zero = x == 0
    # jnp.abs has a derivative of 1 at 0, torch's is 0.
    size = jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)))
    if math.isinf(p):
        return (jnp.max if p > 0 else jnp.min)(size, axes, keepdims=True)
    if p == 1:
        return jnp.sum(size, axes, keepdims=True)
    if p == 0:
        return jnp.sum(~zero, axes, keepdims=True).astype(size.dtype)
    nothing = 0 if p > 0 else math.inf
    powers = jnp.where(zero, nothing, jnp.where(zero, 1, size) ** p)
    total = jnp.sum(powers, axes, keepdims=True)
    none = total == nothing
    return jnp.where(none, 0, jnp.where(none, 1, total) ** (1 / p))
