"""torch.nn.functional.linear and bilinear."""

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import array, optional_array, refuse_dtype, same_dtype
from jaxconv._arrays import ranked
from jaxconv._dtypes import compute_dtype
from jaxconv._types import ArrayLike

__all__ = ["bilinear", "linear"]


def linear(
    input: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, precision: lax.PrecisionLike = None
) -> jax.Array:
    """Applies a linear map to the last dimension: torch.nn.functional.linear.

    y = x A^T + b. Half-precision types are accumulated in float32.

    Args:
        input: (*, in_features).
        weight: (out_features, in_features), or (in_features,) for an output without that dimension; of the input's
            dtype.
        bias: (out_features,), or what broadcasts to the output's shape, of the input's dtype; or None. As in torch
            there is none beside a 1-d weight.
        precision: as in `jax.lax.dot_general`. torch has no such argument.

    Returns:
        (*, out_features), in the input's dtype: floating, complex or integer (which wraps around, as in torch).

    Raises:
        ValueError: shapes that do not fit.
        TypeError: mixed dtypes, or bool arrays.
    """
    op = "linear"
    x, w = array("input", input), array("weight", weight)
    b = optional_array("bias", bias)
    same_dtype(op, input=x, weight=w, bias=b)
    refuse_dtype(op, x, jnp.bool_)
    if x.ndim < 1 or w.ndim not in (1, 2):
        raise ValueError(
            f"{op} expected `input` of at least 1 dimension and `weight` (out_features, in_features) or "
            f"(in_features,), but got shapes {x.shape} and {w.shape}"
        )
    if x.shape[-1] != w.shape[-1]:
        raise ValueError(
            f"{op}: `input` of shape {x.shape} must have {w.shape[-1]} features, as `weight` of shape {w.shape} has"
        )
    y = lax.dot_general(x, w, (((x.ndim - 1,), (w.ndim - 1,)), ((), ())), precision)
    if b is not None:
        # torch takes a single input as a matrix of one row.
        shape = y.shape if x.ndim > 1 else (1, *y.shape)
        if w.ndim == 1 or b.ndim > len(shape) or not _broadcasts(b.shape, shape):
            raise ValueError(f"{op}: `bias` of shape {b.shape} does not fit the output's shape {y.shape}")
        # In float32 for half-precision types, as `_lower.conv` adds it.
        wide = compute_dtype(x.dtype)
        y = (
            (y.reshape(shape).astype(wide) + ranked(b.astype(wide), len(shape)))
            .reshape(y.shape)
            .astype(x.dtype)
        )
    return y


def bilinear(
    input1: ArrayLike,
    input2: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    precision: lax.PrecisionLike = None,
) -> jax.Array:
    """Applies a bilinear map to the last dimensions: torch.nn.functional.bilinear.

    y[o] = x1^T A[o] x2 + b[o]. Half-precision types are computed in float32 and rounded once.

    Args:
        input1: (*, in1_features).
        input2: (*, in2_features), the other dimensions being the same.
        weight: (out_features, in1_features, in2_features); all arrays are of one dtype.
        bias: (out_features,) or None.
        precision: as in `jax.lax.dot_general`. torch has no such argument.

    Returns:
        (*, out_features), in the inputs' dtype: floating, complex or integer.

    Raises:
        ValueError: shapes that do not fit, or features of size zero.
        TypeError: mixed dtypes, or bool arrays.
    """
    op = "bilinear"
    x1, x2, w = array("input1", input1), array("input2", input2), array("weight", weight)
    b = optional_array("bias", bias)
    same_dtype(op, input1=x1, input2=x2, weight=w, bias=b)
    refuse_dtype(op, x1, jnp.bool_)
    if w.ndim != 3 or 0 in w.shape[1:]:
        raise ValueError(
            f"{op} expected `weight` (out_features, in1_features, in2_features) with features to sum over, but got "
            f"shape {w.shape}"
        )
    if min(x1.ndim, x2.ndim) < 1 or x1.shape[:-1] != x2.shape[:-1]:
        raise ValueError(
            f"{op}: `input1` and `input2` must have equal shapes except for the last dimension, got "
            f"shapes {x1.shape} and {x2.shape}"
        )
    for i, x in ((1, x1), (2, x2)):
        if x.shape[-1] != w.shape[i]:
            raise ValueError(
                f"{op}: `input{i}` of shape {x.shape} must have {w.shape[i]} features, as `weight` of shape {w.shape}"
            )
    if b is not None and b.shape != w.shape[:1]:
        raise ValueError(f"{op}: expected `bias` of shape {w.shape[:1]}, but got shape {b.shape}")
    wide = compute_dtype(x1.dtype)
    y = jnp.einsum(
        "...i,oij,...j->...o", x1.astype(wide), w.astype(wide), x2.astype(wide), precision=precision
    )
    return (y if b is None else y + ranked(b.astype(wide), y.ndim)).astype(x1.dtype)


def _broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of no more dimensions is broadcast to that shape; sizes may be symbolic."""
    return all(n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False))
