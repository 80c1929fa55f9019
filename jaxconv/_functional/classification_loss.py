"""torch.nn.functional's losses of classes. What all losses share is said in `jaxconv.functional.loss`."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._args import (
    array,
    check_dtype_of_input,
    check_reduction,
    check_smoothing,
    floating,
    integer,
    optional_array,
)
from jaxconv._arrays import along
from jaxconv._dtypes import compute_dtype, widened
from jaxconv._functional._loss import promoted, reduced
from jaxconv._functional.softmax import log_softmax
from jaxconv._types import ArrayLike, Reduction

__all__ = ["cross_entropy", "nll_loss"]


def _class_axis(x: jax.Array) -> int:
    if x.ndim == 0:
        raise ValueError(
            "`input` must have 1 or more dimensions: (C,), (N, C) or (N, C, *size), but got shape ()"
        )
    return min(1, x.ndim - 1)


def _class_indices(x: jax.Array, t: jax.Array) -> jax.Array:
    """The target's class indices, without the dimension of size 1 that torch allows beside an input of (C,)."""
    allowed = ("int64", "int32", "uint8") if x.ndim <= 2 else ("int64", "int32")
    if t.dtype not in allowed:
        raise TypeError(
            f"`target` of class indices must be of dtype {' or '.join(allowed)} for `input` of shape {x.shape}, but "
            f"got {t.dtype}"
        )
    if t.dtype == jnp.uint8:  # there may be more classes than it has numbers
        t = t.astype(jnp.int32)
    if x.ndim == 1 and t.shape == (1,):
        return t.reshape(())
    expected = x.shape[:-1] if x.ndim == 1 else (x.shape[0], *x.shape[2:])
    if t.shape != expected:
        raise ValueError(
            f"`target` of class indices must have the shape {expected} for `input` of shape {x.shape}, but got "
            f"{t.shape}"
        )
    if x.shape[_class_axis(x)] == 0 and 0 not in t.shape:
        raise ValueError(
            f"`input` of shape {x.shape} has no classes: every index in `target` is out of bounds"
        )
    return t


def _class_weights(x: jax.Array, w: jax.Array) -> None:
    classes = x.shape[_class_axis(x)]
    if w.shape != (classes,):
        raise ValueError(
            f"`weight` must have the shape ({classes},), one for each class of `input` of shape {x.shape}, but got "
            f"{w.shape}"
        )


def _negative_log_likelihood(
    logs: jax.Array, target: jax.Array, weight: jax.Array | None, ignore_index: int, smoothing: float = 0.0
) -> tuple[jax.Array, jax.Array]:
    """The loss of every index, and its weight: 0 of ignored ones. Both in the dtype of `logs`."""
    axis = _class_axis(logs)
    ignored = target == ignore_index if _representable(ignore_index, target.dtype) else target != target
    indices = jnp.expand_dims(target, axis)
    is_class = indices == along(jnp.arange(logs.shape[axis], dtype=target.dtype), axis, logs.ndim)
    chosen = is_class & ~jnp.expand_dims(ignored, axis)
    zero = jnp.zeros((), logs.dtype)
    # A sum of one number and zeros, no gather: it runs sharded, and its gradient is no scatter.
    loss = -jnp.where(chosen, logs, zero).sum(axis)
    if weight is None:
        of_index = jnp.ones_like(loss)
        even = logs
    else:
        of_class = along(weight, axis, logs.ndim).astype(logs.dtype)
        of_index = jnp.where(is_class, of_class, zero).sum(axis)
        loss, even = loss * of_index, logs * of_class
    if smoothing > 0:
        loss = (1 - smoothing) * loss - smoothing / max(logs.shape[axis], 1) * even.sum(axis)
    loss = jnp.where(is_class.any(axis), loss, jnp.full_like(loss, jnp.nan))
    return jnp.where(ignored, zero, loss), jnp.where(ignored, zero, of_index)


def _representable(value: int, dtype: Any) -> bool:
    limits = jnp.iinfo(dtype)
    return bool(limits.min <= value <= limits.max)


def _reduced(loss: jax.Array, weights: jax.Array, reduction: str, dtype: Any) -> jax.Array:
    if reduction != "mean":
        return reduced(loss, reduction, dtype)
    return (jnp.sum(loss) / jnp.sum(weights)).astype(dtype)


def nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """-weight[target] input[target], the negative log-likelihood of classes (torch.nn.functional.nll_loss).

    Args:
        input: logarithms of probabilities, floating: (C,), (N, C) or (N, C, *size).
        target: class indices: (), (N,) or (N, *size), int64 or int32 (torch takes int64), without `size` also uint8.
        weight: (C,), of the input's dtype.
        size_average: None.
        ignore_index: a target that contributes nothing.
        reduce: None.
        reduction: 'none', 'mean' (divided by the weights of the targets that are not ignored) or 'sum'.

    Returns:
        In the input's dtype: the target's shape, or () of a mean or sum. A class index out of bounds gives NaN; torch
        refuses it, but the values are not known where the call is compiled. A mean over no targets is NaN.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: a wrong dtype of the input, the target or the weight.
    """
    check_reduction(reduction, size_average, reduce)
    ignore = integer("ignore_index", ignore_index)
    x, t = floating("nll_loss", "input", input), array("target", target)
    _class_axis(x)
    indices, w = _class_indices(x, t), _index_weight(x, weight)
    loss, weights = _negative_log_likelihood(widened(x), indices, w, ignore)
    return _reduced(loss, weights, reduction, x.dtype)


def _index_weight(x: jax.Array, weight: ArrayLike | None) -> jax.Array | None:
    if weight is None:
        return None
    w = array("weight", weight)
    _class_weights(x, w)
    check_dtype_of_input("weight", w, x)
    return w


def cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> jax.Array:
    """nll_loss(log_softmax(input), target), or the same of class probabilities (torch.nn.functional.cross_entropy).

    Of class probabilities: -sum over c of weight[c] target[c] log_softmax(input)[c].

    Args:
        input: logits, floating: (C,), (N, C) or (N, C, *size).
        target: class indices as in `nll_loss`, or probabilities: floating, of the input's shape.
        weight: (C,), beside class indices of the input's dtype.
        size_average: None.
        ignore_index: a class index that contributes nothing; beside probabilities it must be negative.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'. The mean is as in `nll_loss`, that of probabilities over N and `size`.
        label_smoothing: in [0, 1]: the share of the target that is spread evenly over all classes (C. Szegedy et al.,
            "Rethinking the Inception Architecture for Computer Vision", 2016). As in torch, a negative one counts as 0.

    Returns:
        In the input's dtype, beside probabilities in the arrays' common one: (), (N,) or (N, *size), or () of a mean or
        sum. A class index out of bounds gives NaN; torch refuses it, but the values are not known where the call is
        compiled. A mean over no targets is NaN.

    Raises:
        ValueError: shapes that do not fit, `ignore_index` beside probabilities, a `label_smoothing` above 1, an unknown
            reduction, an argument that torch deprecated.
        TypeError: a wrong dtype of the input, the target or the weight.
    """
    check_reduction(reduction, size_average, reduce)
    ignore = integer("ignore_index", ignore_index)
    smoothing = check_smoothing(label_smoothing)
    x, t = floating("cross_entropy", "input", input), array("target", target)
    axis = _class_axis(x)
    if x.shape != t.shape:
        indices, w = _class_indices(x, t), _index_weight(x, weight)
        loss, weights = _negative_log_likelihood(log_softmax(widened(x), axis), indices, w, ignore, smoothing)
        return _reduced(loss, weights, reduction, x.dtype)
    if not jnp.issubdtype(t.dtype, jnp.floating):
        raise TypeError(
            f"`target` of the shape {x.shape} of `input` must be class probabilities of a floating dtype, but got "
            f"{t.dtype}; class indices have no dimension of classes"
        )
    if ignore >= 0:
        raise ValueError(f"`ignore_index` (={ignore}) is not supported with class probabilities as `target`")
    w = optional_array("weight", weight)
    out = promoted(x, t, w)
    wide = compute_dtype(out)
    target_wide = t.astype(wide)
    if smoothing > 0:
        target_wide = target_wide * (1 - smoothing) + smoothing / max(x.shape[axis], 1)
    product = log_softmax(widened(x), axis).astype(wide) * target_wide
    if w is not None:
        _class_weights(x, w)
        product *= along(w.astype(wide), axis, x.ndim)
    loss = -product.sum(axis)
    if reduction == "mean" and x.shape[axis] == 0:
        return jnp.full((), jnp.nan, out)
    return reduced(loss, reduction, out)
