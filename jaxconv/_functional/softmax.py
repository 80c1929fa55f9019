"""torch.nn.functional's softmax family."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxconv._args import array, dimension, integer, number, refuse_dtype
from jaxconv._dtypes import widened
from jaxconv._types import ArrayLike

__all__ = ["gumbel_softmax", "log_softmax", "softmax", "softmin"]


def _prepared(op: str, input: ArrayLike, dim: Any, dtype: Any, stacklevel: int) -> tuple[jax.Array, int, Any]:
    """The array in the format to compute in, its axis, and the result's dtype."""
    x = array("input", input)
    if dtype is not None:
        is_complex = jnp.issubdtype(x.dtype, jnp.complexfloating)
        x = (x.real if is_complex else x).astype(dtype)  # torch drops the imaginary part
    refuse_dtype(op, x, jnp.bool_, jnp.integer, jnp.complexfloating)
    if dim is None:
        dim = 0 if x.ndim in (0, 1, 3) else 1
        warnings.warn(
            f"Implicit dimension choice for {op} has been deprecated. Change the call to include dim={dim} as an "
            "argument.",
            UserWarning,
            stacklevel=stacklevel,
        )
    axis = dimension(integer("dim", dim), x.ndim)
    return widened(x), axis, x.dtype


def softmax(
    input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> jax.Array:
    """exp(x) / sum of exp(x) along `dim` (torch.nn.functional.softmax).

    Args:
        input: floating; others with a floating `dtype`.
        dim: along which it adds up to 1. None is torch's deprecated choice, 0 for 0, 1 and 3 dimensions, else 1, and
            warns.
        _stacklevel: as in torch, for that warning.
        dtype: what the input is cast to first.

    Raises:
        ValueError: a dimension that is not there.
        TypeError: an input that is not floating.
    """
    x, axis, out = _prepared("softmax", input, dim, dtype, _stacklevel)
    return _normalised(x, axis).astype(out)


def _normalised(x: jax.Array, axis: int) -> jax.Array:
    if x.ndim == 0:
        return jnp.exp(x - x)
    if x.size == 0:
        return x
    # The greatest element is a shift that makes no difference: it takes no gradient.
    e = jnp.exp(x - jax.lax.stop_gradient(x.max(axis, keepdims=True)))
    return e / e.sum(axis, keepdims=True)


def softmin(
    input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> jax.Array:
    """softmax(-x) (torch.nn.functional.softmin); arguments and errors as `softmax`."""
    refuse_dtype("softmin", array("input", input), jnp.bool_)  # torch negates before it casts
    x, axis, out = _prepared("softmin", input, dim, dtype, _stacklevel)
    return _normalised(-x, axis).astype(out)


def log_softmax(
    input: ArrayLike, dim: int | None = None, _stacklevel: int = 3, dtype: DTypeLike | None = None
) -> jax.Array:
    """log(softmax(x)) without overflow (torch.nn.functional.log_softmax); arguments and errors as `softmax`."""
    x, axis, out = _prepared("log_softmax", input, dim, dtype, _stacklevel)
    if x.ndim == 0:
        return (x - x).astype(out)
    if x.size == 0:
        return x.astype(out)
    shifted = x - jax.lax.stop_gradient(x.max(axis, keepdims=True))
    return (shifted - jnp.log(jnp.exp(shifted).sum(axis, keepdims=True))).astype(out)


def gumbel_softmax(
    logits: ArrayLike,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """softmax((logits + g) / tau) with g drawn from Gumbel(0, 1) (E. Jang et al., 2017; C. Maddison et al., 2017).

    torch.nn.functional.gumbel_softmax.

    Args:
        logits: floating.
        tau: the temperature, not negative.
        hard: whether the result is one-hot, with the gradient of the soft one.
        eps: without effect, as in torch.
        dim: along which it adds up to 1.
        key: what is drawn from; it must be given.
    """
    x = array("logits", logits)
    refuse_dtype("gumbel_softmax", x, jnp.bool_, jnp.integer, jnp.complexfloating)
    if key is None:
        raise ValueError("gumbel_softmax draws random numbers and needs `key`, such as jax.random.key(0)")
    axis = dimension(integer("dim", dim), x.ndim)
    drawn = (x + jax.random.gumbel(key, x.shape, x.dtype)) / number("tau", tau)
    soft = softmax(drawn, axis)
    if not hard:
        return soft
    one_hot = jax.nn.one_hot(soft.argmax(axis), x.shape[axis], axis=axis, dtype=x.dtype)
    return one_hot - jax.lax.stop_gradient(soft) + soft
