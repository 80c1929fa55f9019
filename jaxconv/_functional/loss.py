"""torch.nn.functional's losses that compare number with number: regression and probabilities.

`reduction` is 'none' (a loss for each element), 'mean' or 'sum'; a mean over no elements is NaN. torch deprecated
`size_average` and `reduce`: they must be None. bfloat16 and float16 are computed and summed in float32 and rounded
once. Wrong dtypes: TypeError; wrong values and shapes: ValueError. A loss is differentiable with respect to every
floating argument.
"""

import math
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from jaxconv._args import REDUCTIONS, array, check_reduction, floating, number, optional_array, refuse_dtype
from jaxconv._functional._loss import inexact, magnitude, promoted, reduced, together, warn_of_broadcast
from jaxconv._types import ArrayLike, Reduction

__all__ = ["huber_loss", "kl_div", "l1_loss", "mse_loss", "poisson_nll_loss", "smooth_l1_loss"]


def _elementwise(
    op: str,
    function: Callable[[jax.Array, jax.Array], jax.Array],
    input: ArrayLike,
    target: ArrayLike,
    reduction: str,
    weight: ArrayLike | None = None,
    *,
    in_dtype_of_input: bool = False,
    mean_by_weight: bool = True,
    exact: bool = False,
) -> jax.Array:
    """A loss of each element; `exact`: also of integers and complex numbers."""
    x, t = array("input", input), array("target", target)
    w = optional_array("weight", weight)
    common = promoted(x, t)
    if exact:
        refuse_dtype(op, x, jnp.bool_)
        refuse_dtype(op, t, jnp.bool_)
    elif not jnp.issubdtype(common, jnp.floating) or (
        in_dtype_of_input and not jnp.issubdtype(x.dtype, jnp.floating)
    ):
        raise TypeError(f'"{op}" is not implemented for `input` of dtype {x.dtype} and `target` of {t.dtype}')
    if w is not None and w.shape != x.shape:
        raise ValueError(f"`weight` of shape {w.shape} must have the shape {x.shape} of `input`")
    pair = together(x, t, dtype=common)
    warn_of_broadcast(op, x, t)
    loss = function(*pair)
    out = x.dtype if in_dtype_of_input else common
    if jnp.issubdtype(out, jnp.complexfloating):
        out = loss.dtype
    if w is None:
        return reduced(loss, reduction, out)
    out = jnp.promote_types(out, w.dtype)
    loss, wide = together(loss, w)
    if reduction != "mean" or not mean_by_weight:
        return reduced(loss * wide, reduction, out)
    return (jnp.sum(loss * wide) / jnp.sum(w.astype(wide.dtype))).astype(inexact(out))


def l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: ArrayLike | None = None,
) -> jax.Array:
    """|input - target| (torch.nn.functional.l1_loss); the derivative at 0 is 0.

    Args:
        input: any shape; floating, complex (the loss is real), or integer unless `reduction` is 'mean'.
        target: of a shape that broadcasts with the input's; another shape warns, as in torch.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.
        weight: of the input's shape: a factor for each element; the mean is then divided by the sum of weights.

    Returns:
        In the arrays' common dtype: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: booleans; integers with 'mean'.
    """
    check_reduction(reduction, size_average, reduce)
    return _elementwise(
        "l1_loss", lambda x, t: magnitude(x - t), input, target, reduction, weight, exact=True
    )


def mse_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    weight: ArrayLike | None = None,
) -> jax.Array:
    """(input - target)^2 (torch.nn.functional.mse_loss).

    One of both arrays is floating, none complex. All else is as in `l1_loss`.
    """
    check_reduction(reduction, size_average, reduce)
    return _elementwise("mse_loss", lambda x, t: jnp.square(x - t), input, target, reduction, weight)


def smooth_l1_loss(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    beta: float = 1.0,
) -> jax.Array:
    """0.5 d^2 / beta where d = |input - target| < beta, else d - 0.5 beta (torch.nn.functional.smooth_l1_loss).

    The formula is that of R. Girshick, "Fast R-CNN", 2015. `beta` is not negative; 0 gives `l1_loss`. One of both
    arrays is floating, none complex. All else is as in `l1_loss`.
    """
    check_reduction(reduction, size_average, reduce)
    b = number("beta", beta)
    if isinstance(b, int | float) and not b >= 0:
        raise ValueError(
            f"`beta` (={beta}) must be non-negative: smooth_l1_loss does not support negative values"
        )
    if isinstance(b, int | float) and b == 0:
        return l1_loss(input, target, reduction=reduction)

    def function(x: jax.Array, t: jax.Array) -> jax.Array:
        off = jnp.abs(x - t)
        # The branch that is not chosen must not overflow: its derivative would be 0 * inf.
        inside = jnp.where(off < b, off, jnp.zeros_like(off))
        return jnp.where(off < b, 0.5 * jnp.square(inside) / b, off - 0.5 * b)

    return _elementwise("smooth_l1_loss", function, input, target, reduction)


def huber_loss(
    input: ArrayLike,
    target: ArrayLike,
    reduction: Reduction = "mean",
    delta: float = 1.0,
    weight: ArrayLike | None = None,
) -> jax.Array:
    """0.5 d^2 where d = |input - target| <= delta, else delta (d - 0.5 delta) (torch.nn.functional.huber_loss).

    The formula is that of P. Huber, "Robust Estimation of a Location Parameter", 1964.

    Args:
        input: floating, any shape.
        target: real, of a shape that broadcasts with the input's; another shape warns, as in torch.
        reduction: 'none', 'mean' or 'sum'.
        delta: positive.
        weight: of the input's shape: a factor for each element. The mean is that of the weighted elements: in torch
            too it is not divided by the sum of weights.

    Returns:
        In the input's dtype, with `weight` in their common one: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, a `delta` that is not positive.
        TypeError: an input that is not floating, a complex target.
    """
    check_reduction(reduction)
    d = number("delta", delta)
    if isinstance(d, int | float) and not d > 0:
        raise ValueError(f"`delta` (={delta}) must be positive: huber_loss does not support other values")

    def function(x: jax.Array, t: jax.Array) -> jax.Array:
        off = jnp.abs(x - t)
        inside = jnp.where(off <= d, off, jnp.zeros_like(off))
        outside = jnp.where(off <= d, jnp.zeros_like(off), off)
        slope = min(d, float(jnp.finfo(off.dtype).max)) if isinstance(d, int | float) else d
        return jnp.where(off <= d, 0.5 * jnp.square(inside), slope * (outside - 0.5 * slope))

    return _elementwise(
        "huber_loss",
        function,
        input,
        target,
        reduction,
        weight,
        in_dtype_of_input=True,
        mean_by_weight=False,
    )


def kl_div(
    input: ArrayLike,
    target: ArrayLike,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction | Literal["batchmean"] = "mean",
    log_target: bool = False,
) -> jax.Array:
    """target (log(target) - input), the Kullback-Leibler divergence of log-probabilities (torch.nn.functional.kl_div).

    Where `target` is 0 its logarithm counts as 0, and so does that logarithm's derivative (torch's is NaN). A negative
    target gives NaN.

    Args:
        input: logarithms of probabilities, floating.
        target: floating, of a shape that broadcasts with the input's: probabilities, or their logarithms.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' (over all elements), 'sum', or 'batchmean': the sum divided by the input's first
            size, which is the divergence.
        log_target: whether `target` is logarithms: exp(target) (target - input).

    Returns:
        In the arrays' common dtype: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not broadcast, an unknown reduction, an argument that torch deprecated.
        TypeError: an array that is not floating.
    """
    check_reduction(reduction, size_average, reduce, (*REDUCTIONS, "batchmean"))
    x, t = floating("kl_div", "input", input), floating("kl_div", "target", target)
    out = promoted(x, t)
    wide, target_wide = together(x, t)
    if log_target:
        loss = jnp.exp(target_wide) * (target_wide - wide)
    else:
        safe = jnp.where(target_wide == 0, jnp.ones_like(target_wide), target_wide)
        loss = target_wide * jnp.log(safe) - target_wide * wide
    if reduction != "batchmean":
        return reduced(loss, reduction, out)
    total = jnp.sum(loss)
    return (total if x.ndim == 0 else total / jnp.asarray(x.shape[0], total.dtype)).astype(out)


def poisson_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """exp(input) - target input, a Poisson distribution's -log p up to a constant (torch.nn.functional's of that name).

    Args:
        input: real, the logarithm of the rate.
        target: real, of a shape that broadcasts with the input's.
        log_input: False: `input` is the rate, the loss input - target log(input + eps).
        full: whether Stirling's approximation of log(target!) is added where target > 1.
        size_average: None.
        eps: added within the logarithm if not `log_input`.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the arrays' common dtype, integers in float32: the broadcast shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not broadcast, an unknown reduction, an argument that torch deprecated.
        TypeError: complex or two boolean arrays.
    """
    op = "poisson_nll_loss"
    check_reduction(reduction, size_average, reduce)
    x, t = array("input", input), array("target", target)
    for a in (x, t):
        refuse_dtype(op, a, jnp.complexfloating)
    refuse_dtype(op, x, jnp.bool_)
    small = number("eps", eps)
    out = inexact(promoted(x, t))
    wide, target_wide = together(x, t, dtype=out)
    loss = jnp.exp(wide) - target_wide * wide if log_input else wide - target_wide * jnp.log(wide + small)
    if full:
        above = target_wide > 1
        safe = jnp.where(above, target_wide, jnp.ones_like(target_wide))
        stirling = safe * jnp.log(safe) - safe + 0.5 * jnp.log(2 * math.pi * safe)
        loss += jnp.where(above, stirling, jnp.zeros_like(stirling))
    return reduced(loss, reduction, out)
