"""torch.nn.functional's losses with a margin. What all losses share is said in `jaxconv.functional.loss`."""

import jax
import jax.numpy as jnp

from jaxconv._args import (
    array,
    check_dtype_of_input,
    check_power,
    check_reduction,
    floating,
    number,
    optional_array,
    refuse_dtype,
)
from jaxconv._arrays import along
from jaxconv._dtypes import widened
from jaxconv._functional._loss import inexact, promoted, reduced, together
from jaxconv._functional.activation import logsigmoid
from jaxconv._types import ArrayLike, Reduction

__all__ = [
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
]


def at_least_zero(x: jax.Array) -> jax.Array:
    """max(x, 0) with torch's derivative of clamp: 1 at 0."""
    return jnp.where(x < 0, jnp.zeros_like(x), x)


def _positive(x: jax.Array) -> jax.Array:
    """max(x, 0) with the derivative 0 at 0, as in torch's kernels of margins."""
    return jnp.where(x > 0, x, jnp.zeros_like(x))


def soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """log(1 + exp(-target input)) without overflow (torch.nn.functional.soft_margin_loss overflows to inf).

    Args:
        input: floating, any shape.
        target: 1 or -1, real, of a shape that broadcasts to the input's.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the input's dtype: the input's shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: an input that is not floating, a complex target.
    """
    check_reduction(reduction, size_average, reduce)
    x, t = floating("soft_margin_loss", "input", input), array("target", target)
    refuse_dtype("soft_margin_loss", t, jnp.complexfloating)
    wide, target_wide = together(x, t)
    if wide.shape != x.shape:
        raise ValueError(f"`target` of shape {t.shape} does not broadcast to the shape {x.shape} of `input`")
    return reduced(-logsigmoid(target_wide * wide), reduction, x.dtype)


def margin_ranking_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """max(0, margin - target (input1 - input2)) (torch.nn.functional.margin_ranking_loss).

    Args:
        input1: real, any shape.
        input2: real, of a shape that broadcasts with it, and as many dimensions.
        target: 1 where `input1` should be ranked higher, else -1; as many dimensions.
        margin: a number.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the arrays' common dtype, integers in float32: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: boolean inputs, complex arrays.
    """
    op = "margin_ranking_loss"
    check_reduction(reduction, size_average, reduce)
    a, b, t = array("input1", input1), array("input2", input2), array("target", target)
    limit = number("margin", margin)
    refuse_dtype(op, a, jnp.bool_, jnp.complexfloating)
    refuse_dtype(op, b, jnp.bool_, jnp.complexfloating)
    refuse_dtype(op, t, jnp.bool_, jnp.complexfloating)
    if not a.ndim == b.ndim == t.ndim:
        raise ValueError(
            f"{op}: `input1`, `input2` and `target` must have as many dimensions, but got shapes {a.shape}, "
            f"{b.shape} and {t.shape}"
        )
    out = inexact(promoted(a, b, t))
    a, b, t = together(a, b, t, dtype=out)
    return reduced(at_least_zero(-t * (a - b) + limit), reduction, out)


def hinge_embedding_loss(
    input: ArrayLike,
    target: ArrayLike,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """`input` where target is 1, max(0, margin - input) where it is -1 (torch.nn.functional.hinge_embedding_loss).

    Args:
        input: floating, any shape.
        target: 1 or -1, of a shape that broadcasts with the input's. As in torch, another number counts as both.
        margin: a number.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the input's dtype: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not broadcast, an unknown reduction, an argument that torch deprecated.
        TypeError: an input that is not floating, a complex target.
    """
    op = "hinge_embedding_loss"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), array("target", target)
    refuse_dtype(op, t, jnp.complexfloating)
    wide, target_wide = together(x, t)
    zero = jnp.zeros_like(wide)
    apart = jnp.where(target_wide != 1, at_least_zero(number("margin", margin) - wide), zero)
    loss = apart + jnp.where(target_wide != -1, wide, zero)
    return reduced(loss, reduction, x.dtype)


def multi_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    p: int = 1,
    margin: float = 1.0,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """Sum over classes c other than the target y of weight[y] max(0, margin - input[y] + input[c])^p / C.

    torch.nn.functional.multi_margin_loss. The derivative at a margin that is just kept is 0.

    Args:
        input: floating, (C,) or (N, C).
        target: class indices, (), (1,) or (N,), int64 or int32 (torch takes int64).
        p: 1 or 2.
        margin: a number.
        weight: (C,), of the input's dtype.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'; the mean is not divided by the weights.

    Returns:
        In the input's dtype: the target's shape, or () of a mean or sum. A class index out of bounds gives NaN; torch
        refuses it, but the values are not known where the call is compiled.

    Raises:
        ValueError: shapes that do not fit, another `p`, an unknown reduction, an argument that torch deprecated.
        TypeError: a wrong dtype of the input, the target or the weight.
    """
    op = "multi_margin_loss"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), _labels(target)
    check_power(p)
    limit = number("margin", margin)
    _check_classes(op, x)
    rows = x.reshape(1, -1) if x.ndim < 2 else x
    if t.shape != (rows.shape[0],) and not (t.ndim == 0 and rows.shape[0] == 1):
        raise ValueError(
            f"`target` must have the shape ({rows.shape[0]},) for `input` of shape {x.shape}, got {t.shape}"
        )
    wide, classes = widened(rows), rows.shape[1]
    is_target = t.reshape(-1, 1) == along(jnp.arange(classes, dtype=t.dtype), 1, 2)
    own = jnp.where(is_target, wide, jnp.zeros_like(wide)).sum(1, keepdims=True)
    over = _positive(limit - own + wide)
    loss = jnp.where(is_target, jnp.zeros_like(over), over if p == 1 else jnp.square(over))
    if weight is not None:
        w = array("weight", weight)
        if w.shape != (classes,):
            raise ValueError(
                f"`weight` must have the shape ({classes},), one for each class, but got {w.shape}"
            )
        check_dtype_of_input("weight", w, x)
        of_class = along(widened(w), 1, 2)
        loss *= jnp.where(is_target, of_class, jnp.zeros_like(of_class)).sum(1, keepdims=True)
    total = loss.sum(1) / classes
    total = jnp.where(is_target.any(1), total, jnp.full_like(total, jnp.nan))
    return reduced(total.reshape(t.shape), reduction, x.dtype)


def _labels(target: ArrayLike) -> jax.Array:
    t = array("target", target)
    if t.dtype not in ("int64", "int32"):
        raise TypeError(f"`target` of class indices must be of dtype int64 or int32, but got {t.dtype}")
    return t


def _check_classes(op: str, x: jax.Array) -> None:
    if x.ndim > 2 or (x.ndim > 0 and x.shape[-1] == 0):
        raise ValueError(f"{op}: expected `input` of shape (C,) or (N, C) with classes, but got {x.shape}")


def multilabel_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """Sum over labels y and over classes c that are none of max(0, 1 - input[y] + input[c]) / C.

    torch.nn.functional.multilabel_margin_loss. The derivative at a margin that is just kept is 0.

    Args:
        input: floating, (C,) or (N, C).
        target: of the input's shape, int64 or int32 (torch takes int64): the labels, and -1 after the last.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the input's dtype: (), (N,), or () of a mean or sum. A label out of bounds gives NaN; torch refuses it, but
        the values are not known where the call is compiled.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: a wrong dtype of the input or the target.
    """
    op = "multilabel_margin_loss"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), _labels(target)
    _check_classes(op, x)
    if t.shape != x.shape:
        raise ValueError(f"`target` must have the shape {x.shape} of `input`, but got {t.shape}")
    rows = x.reshape(1, -1) if x.ndim < 2 else x
    labels, wide, classes = t.reshape(rows.shape), widened(rows), rows.shape[1]
    valid = jnp.cumsum(labels < 0, axis=1) == 0
    # (N, label, class)
    is_label = labels[:, :, None] == along(jnp.arange(classes, dtype=t.dtype), 2, 3)
    chosen = is_label & valid[:, :, None]
    own = jnp.where(chosen, wide[:, None, :], jnp.zeros((), wide.dtype)).sum(2, keepdims=True)
    other = valid[:, :, None] & ~chosen.any(1, keepdims=True)
    over = _positive(1 - own + wide[:, None, :])
    total = jnp.where(other, over, jnp.zeros_like(over)).sum((1, 2)) / classes
    outside = ((labels >= classes) & valid) | (labels < -1)
    total = jnp.where(outside.any(1), jnp.full_like(total, jnp.nan), total)
    return reduced(total.reshape(x.shape[:-1]), reduction, x.dtype)


def multilabel_soft_margin_loss(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """The mean over classes of binary_cross_entropy_with_logits (torch.nn.functional.multilabel_soft_margin_loss).

    Args:
        input: logits, floating, (..., C).
        target: 0 or 1, real, of a shape that broadcasts with the input's.
        weight: a factor, real, of a shape that broadcasts with the input's.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'; the mean is not divided by the weights.

    Returns:
        In the arrays' common dtype: the shape without the input's last dimension, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not broadcast, an unknown reduction, an argument that torch deprecated.
        TypeError: an input that is not floating, a boolean or complex target, a complex weight.
    """
    op = "multilabel_soft_margin_loss"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), array("target", target)
    refuse_dtype(op, t, jnp.bool_, jnp.complexfloating)
    w = optional_array("weight", weight)
    if x.ndim == 0:
        raise ValueError(f"{op}: `input` must have a dimension of classes, but got shape ()")
    out = promoted(x, t, w)
    wide, target_wide = together(x, t, dtype=out)
    loss = -(target_wide * logsigmoid(wide) + (1 - target_wide) * logsigmoid(-wide))
    if w is not None:
        refuse_dtype(op, w, jnp.complexfloating)
        loss, factor = together(loss, w, dtype=out)
        loss *= factor
    classes = jnp.asarray(x.shape[-1], loss.dtype)
    return reduced(loss.sum(x.ndim - 1) / classes, reduction, out)
