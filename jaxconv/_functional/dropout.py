"""torch.nn.functional's dropout family, with JAX's keys for torch's hidden generator."""

import math
import warnings
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._args import array, check_bool, check_probability, refuse_dtype
from jaxconv._dtypes import compute_dtype
from jaxconv._types import ArrayLike

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout"]

# Minus SELU's limit: scale * alpha (Klambauer et al. 2017).
_ALPHA = 1.7580993408473766


def _drop(
    op: str, input: ArrayLike, p: Any, training: Any, inplace: Any, key: Any, axes: Any, alpha: bool = False
) -> jax.Array:
    """Drops with one draw along `axes` (a function of the rank), the same for all other dimensions."""
    x = array("input", input)
    check_probability(p)
    check_bool("training", training, numpy=True)
    check_bool("inplace", inplace, numpy=True)
    if not training or p == 0:
        return x
    if p == 1:
        return x * jnp.zeros((), x.dtype)
    if key is None:
        raise ValueError(f"{op} needs `key`, such as jax.random.key(0), if `training` and 0 < `p` (={p}) < 1")
    if x.size == 0:
        return x
    refuse_dtype(op, x, jnp.integer, jnp.bool_, jnp.complexfloating)
    drawn = axes(x.ndim)
    if max(drawn, default=-1) >= x.ndim:
        raise ValueError(
            f"{op} requires at least 2 dimensions in the input, but got `input` of shape {x.shape}"
        )
    shape = tuple(n if axis in drawn else 1 for axis, n in enumerate(x.shape))
    kept = jax.random.bernoulli(key, 1 - p, shape)
    wide = compute_dtype(x.dtype)
    if alpha:
        scale = 1 / math.sqrt((_ALPHA**2 * p + 1) * (1 - p))
        shift = jnp.where(kept, scale * _ALPHA * p, scale * _ALPHA * (p - 1)).astype(wide)
    else:
        scale, shift = 1 / (1 - p), None
    y = x.astype(wide) * jnp.where(kept, scale, 0).astype(wide)
    return (y if shift is None else y + shift).astype(x.dtype)


def _all(rank: int) -> range:
    return range(rank)


def _samples_and_channels(rank: int) -> range:
    return range(2)


def dropout(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops elements: torch.nn.functional.dropout.

    What is dropped becomes 0, what is kept is divided by 1 - p (Srivastava et al. 2014). An infinite or NaN element
    that is dropped is NaN, as in torch. The distribution is torch's, the random numbers are JAX's. Half-precision
    types are computed in float32 and rounded once.

    Args:
        input: any shape, floating.
        p: the probability of being dropped, in [0, 1].
        training: whether anything is dropped at all.
        inplace: accepted as in torch, and without effect: JAX's arrays are immutable, the result is the same.
        key: a JAX key, `jax.random.key(0)`; needed if `training` and 0 < p < 1. torch has no such argument.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: a `p` outside [0, 1], no key, or an input of too few dimensions.
        TypeError: an argument of the wrong type, or an integer, bool or complex input that is to be dropped from.
    """
    return _drop("dropout", input, p, training, inplace, key, _all)


def dropout1d(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops whole channels of (N, C, L) or (C, L): torch.nn.functional.dropout1d (Tompson et al. 2015).

    Other numbers of dimensions are refused. All else is as in `dropout`.
    """
    x = array("input", input)
    if x.ndim not in (2, 3):
        raise ValueError(f"dropout1d: Expected 2D or 3D `input`, but got shape {x.shape}")
    return _drop("dropout1d", x, p, training, inplace, key, lambda rank: range(rank - 1))


def dropout2d(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops whole channels of (N, C, H, W): torch.nn.functional.dropout2d (Tompson et al. 2015).

    (C, H, W) is taken for (N, C, L), with a UserWarning, and of other inputs too the first two dimensions are N and
    C: all as in torch. All else is as in `dropout`.
    """
    x = array("input", input)
    if x.ndim == 3:
        _warn("dropout2d takes a 3D `input` as (N, C, L), not as (C, H, W), as torch does: use dropout1d")
    elif x.ndim != 4:
        _warn(f"dropout2d: a {x.ndim}D `input` is deprecated in torch: use dropout")
    return _drop("dropout2d", x, p, training, inplace, key, _samples_and_channels)


def dropout3d(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops whole channels of (N, C, D, H, W) or (C, D, H, W): torch.nn.functional.dropout3d (Tompson et al. 2015).

    Of other inputs, as in torch with a UserWarning, the first dimension is C. All else is as in `dropout`.
    """
    x = array("input", input)
    if x.ndim not in (4, 5):
        _warn(f"dropout3d: a {x.ndim}D `input` is deprecated in torch: use dropout")
    return _drop("dropout3d", x, p, training, inplace, key, lambda rank: range(2 if rank == 5 else 1))


def alpha_dropout(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops elements of a network with SELU: torch.nn.functional.alpha_dropout.

    What is dropped becomes SELU's limit -1.758..., and an affine map then keeps mean 0 and variance 1 (Klambauer et
    al. 2017, Self-normalizing neural networks). The default of `training` is torch's. All else is as in `dropout`.
    """
    return _drop("alpha_dropout", input, p, training, inplace, key, _all, alpha=True)


def feature_alpha_dropout(
    input: ArrayLike,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """Drops whole channels of (N, C, *size) as `alpha_dropout` drops elements: torch's feature_alpha_dropout."""
    op = "feature_alpha_dropout"
    return _drop(op, input, p, training, inplace, key, _samples_and_channels, alpha=True)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
