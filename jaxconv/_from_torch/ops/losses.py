"""ATen's losses, which some networks return beside their outputs: the formulas of torch's documentation."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._from_torch.ops._dtypes import together

_NONE, _MEAN, _SUM = 0, 1, 2


def _reduced(loss: jax.Array, reduction: int, weight: Any = None) -> jax.Array:
    if reduction == _NONE:
        return loss
    if reduction == _SUM:
        return jnp.sum(loss)
    return jnp.mean(loss) if weight is None else jnp.sum(loss) / jnp.sum(weight)


def _elementwise(loss: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    def of(x: Any, target: Any, reduction: int = _MEAN, *args: Any) -> jax.Array:
        return _reduced(loss(*together(x, target), *args), reduction)

    return of


def _smooth_l1(x: Any, target: Any, beta: float = 1.0) -> jax.Array:
    off = jnp.abs(x - target)
    if beta == 0:
        return off
    return jnp.where(off < beta, 0.5 * jnp.square(off) / beta, off - 0.5 * beta)


def _huber(x: Any, target: Any, delta: float = 1.0) -> jax.Array:
    off = jnp.abs(x - target)
    return jnp.where(off < delta, 0.5 * jnp.square(off), delta * (off - 0.5 * delta))


def _kl_div(x: Any, target: Any, reduction: int = _MEAN, *, log_target: bool = False) -> jax.Array:
    if log_target:
        return _reduced(jnp.exp(target) * (target - x), reduction)
    safe = jnp.where(target > 0, target, 1)
    return _reduced(jnp.where(target > 0, target * jnp.log(safe), 0) - target * x, reduction)


def _binary(x: Any, target: Any, weight: Any = None, reduction: int = _MEAN) -> jax.Array:
    # torch cuts the logarithms off at -100.
    loss = -target * jnp.maximum(jnp.log(x), -100) - (1 - target) * jnp.maximum(jnp.log1p(-x), -100)
    return _reduced(loss if weight is None else loss * weight, reduction)


def _binary_with_logits(
    x: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = _MEAN
) -> jax.Array:
    positive = 1 if pos_weight is None else 1 + (pos_weight - 1) * target
    loss = (1 - target) * x + positive * jax.nn.softplus(-x)
    return _reduced(loss if weight is None else loss * weight, reduction)


def _nll(
    x: Any, target: Any, weight: Any = None, reduction: int = _MEAN, ignore_index: int = -100
) -> jax.Array:
    """Of logarithms of probabilities (N, C, *size), or (C,), and class numbers (N, *size)."""
    axis = 1 if x.ndim > 1 else 0
    kept = target != ignore_index
    classes = jnp.where(kept, target, 0)
    chosen = jnp.take_along_axis(x, jnp.expand_dims(classes, axis), axis).squeeze(axis)
    weights = jnp.where(kept, 1 if weight is None else weight[classes], 0).astype(x.dtype)
    return _reduced(jnp.where(kept, -chosen * weights, 0), reduction, weights)


def _cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    reduction: int = _MEAN,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> jax.Array:
    axis = 1 if x.ndim > 1 else 0
    logs = jax.nn.log_softmax(x, axis)
    of_class = jnp.ones((), x.dtype) if weight is None else weight.reshape(-1, *(1,) * (x.ndim - axis - 1))
    if target.shape == x.shape and jnp.issubdtype(target.dtype, jnp.floating):  # probabilities
        target = target * (1 - label_smoothing) + label_smoothing / x.shape[axis]
        loss = -jnp.sum(logs * target * of_class, axis)
        return jnp.sum(loss) / (x.size // x.shape[axis]) if reduction == _MEAN else _reduced(loss, reduction)
    loss = _nll(logs, target, weight, reduction, ignore_index)
    if not label_smoothing:
        return loss
    kept = target != ignore_index
    even = jnp.where(kept, -jnp.sum(logs * of_class, axis), 0)
    ones = jnp.where(kept, 1 if weight is None else weight[jnp.where(kept, target, 0)], 0).astype(x.dtype)
    even = _reduced(even, reduction, ones)
    return (1 - label_smoothing) * loss + label_smoothing / x.shape[axis] * even


TABLE: dict[str, Callable[..., Any]] = {
    "mse_loss": _elementwise(lambda a, b: jnp.square(a - b)),
    "l1_loss": _elementwise(lambda a, b: jnp.abs(a - b)),
    "smooth_l1_loss": _elementwise(_smooth_l1),
    "huber_loss": _elementwise(_huber),
    "soft_margin_loss": _elementwise(lambda a, b: jax.nn.softplus(-a * b)),
    "kl_div": _kl_div,
    "binary_cross_entropy": _binary,
    "binary_cross_entropy_with_logits": _binary_with_logits,
    "nll_loss": _nll,
    "nll_loss2d": _nll,
    "nll_loss_nd": _nll,
    "cross_entropy_loss": _cross_entropy,
}
