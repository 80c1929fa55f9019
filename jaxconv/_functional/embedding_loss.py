"""torch.nn.functional's losses of distances, and of a normal distribution. What losses share: `functional.loss`."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._args import array, check_distance, check_margin, check_reduction, number, refuse_dtype
from jaxconv._dtypes import compute_dtype
from jaxconv._functional._loss import inexact, magnitude, promoted, reduced, together
from jaxconv._functional.margin_loss import at_least_zero
from jaxconv._types import ArrayLike, Reduction

__all__ = [
    "cosine_embedding_loss",
    "gaussian_nll_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def cosine_embedding_loss(
    input1: ArrayLike,
    input2: ArrayLike,
    target: ArrayLike,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1, else 0.

    torch.nn.functional.cosine_embedding_loss. 1e-12 is added to both squared norms, as in torch.

    Args:
        input1: real, (D,) or (N, D).
        input2: real, of as many dimensions, of a shape that broadcasts with it.
        target: real, () or (N,).
        margin: a number.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In both inputs' common dtype, integers in float32: the target's shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: complex arrays.
    """
    op = "cosine_embedding_loss"
    check_reduction(reduction, size_average, reduce)
    a, b, t = array("input1", input1), array("input2", input2), array("target", target)
    limit = number("margin", margin)
    for x in (a, b, t):
        refuse_dtype(op, x, jnp.complexfloating)
    if t.ndim > 1 or not a.ndim == b.ndim == t.ndim + 1:
        raise ValueError(
            f"{op}: expected `target` of shape () with inputs (D,), or (N,) with (N, D), but got {t.shape} with "
            f"{a.shape} and {b.shape}"
        )
    out = inexact(promoted(a, b))
    a, b = together(a, b, dtype=out)
    product = (a * b).sum(-1)
    squares = ((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12)
    cosine, t = together(product / jnp.sqrt(squares), t, dtype=out)
    zero = jnp.zeros_like(cosine)
    apart = jnp.where(t == -1, at_least_zero(cosine - limit), zero)
    return reduced(jnp.where(t == 1, 1 - cosine, zero) + apart, reduction, out)


def _distance(a: jax.Array, b: jax.Array, p: float, eps: float) -> jax.Array:
    """torch.nn.functional.pairwise_distance: the p-norm of a - b + eps along the last dimension; derivative 0 at 0."""
    off = a - b + eps
    off = off.reshape(1) if off.ndim == 0 else off
    size = magnitude(off)
    zero, one = jnp.zeros_like(size), jnp.ones_like(size)
    if p == 0:
        return jnp.where(size == 0, zero, one).sum(-1)
    if p == 1:
        return size.sum(-1)
    if math.isinf(p):
        return size.max(-1) if p > 0 else size.min(-1)
    if p == 2:
        squares = jnp.square(off.real) + jnp.square(off.imag) if jnp.iscomplexobj(off) else jnp.square(off)
        total = squares.sum(-1)
        return jnp.where(total == 0, jnp.zeros_like(total), jnp.sqrt(jnp.where(total == 0, 1, total)))
    powers = jnp.where(size == 0, zero if p > 0 else one / zero, jnp.where(size == 0, one, size) ** p)
    total = powers.sum(-1)
    return jnp.where(total == 0, jnp.zeros_like(total), jnp.where(total == 0, 1, total) ** (1 / p))


def _triplet(
    distance: Callable[[jax.Array, jax.Array], jax.Array],
    arrays: tuple[Any, Any, Any],
    margin: float,
    swap: bool,
) -> jax.Array:
    anchor, positive, negative = arrays
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    return at_least_zero(margin + near - far)


def _checked_triplet(
    op: str, margin: float, **given: Any
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], Any]:
    """The three arrays in the dtype of the computation, and the result's dtype."""
    check_margin(margin)
    arrays = [array(name, value) for name, value in given.items()]
    for x in arrays:
        refuse_dtype(op, x, jnp.bool_)
    if len({x.ndim for x in arrays}) > 1:
        shapes = ", ".join(f"{name} {x.shape}" for name, x in zip(given, arrays, strict=True))
        raise ValueError(f"{op}: the arrays must have as many dimensions, but got {shapes}")
    out = inexact(promoted(*arrays))
    together(*arrays)  # refuses shapes that do not broadcast
    wide = compute_dtype(out)
    anchor, positive, negative = (x.astype(wide) for x in arrays)
    return (anchor, positive, negative), jnp.finfo(out).dtype


def triplet_margin_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) (torch.nn.functional.triplet_margin_loss).

    d is the p-norm of the difference plus eps. V. Balntas et al., "Learning shallow convolutional feature descriptors
    with triplet losses", 2016.

    Args:
        anchor: (..., D); floating, complex or integer.
        positive: of as many dimensions, of a shape that broadcasts with it.
        negative: likewise.
        margin: positive.
        p: of the norm.
        eps: added to the differences.
        swap: whether d(positive, negative) is taken where it is less than d(anchor, negative).
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the arrays' common dtype, real, integers in float32: (...), or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, a margin that is not positive, an unknown reduction, an argument that torch
            deprecated.
        TypeError: boolean arrays.
    """
    check_reduction(reduction, size_average, reduce)
    arrays, out = _checked_triplet(
        "triplet_margin_loss", margin, anchor=anchor, positive=positive, negative=negative
    )
    norm, small = number("p", p), number("eps", eps)
    return reduced(_triplet(lambda a, b: _distance(a, b, norm, small), arrays, margin, swap), reduction, out)


def triplet_margin_with_distance_loss(
    anchor: ArrayLike,
    positive: ArrayLike,
    negative: ArrayLike,
    *,
    distance_function: Callable[[jax.Array, jax.Array], jax.Array] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: Reduction = "mean",
) -> jax.Array:
    """triplet_margin_loss with a distance of one's own (torch.nn.functional.triplet_margin_with_distance_loss).

    Args:
        anchor: what `distance_function` takes; (..., D) by default.
        positive: likewise, of as many dimensions.
        negative: likewise.
        distance_function: (array, array) -> array of distances; None for the norm of the difference plus 1e-6.
        margin: positive.
        swap: as in `triplet_margin_loss`.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        The shape and dtype of the distances, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, a margin that is not positive, an unknown reduction.
        TypeError: boolean arrays; a `distance_function` that cannot be called.
    """
    op = "triplet_margin_with_distance_loss"
    check_reduction(reduction)
    arrays, out = _checked_triplet(op, margin, anchor=anchor, positive=positive, negative=negative)
    if distance_function is None:
        return reduced(_triplet(lambda a, b: _distance(a, b, 2, 1e-6), arrays, margin, swap), reduction, out)
    check_distance(distance_function)
    loss = _triplet(distance_function, (anchor, positive, negative), margin, swap)
    return reduced(loss.astype(compute_dtype(loss.dtype)), reduction, loss.dtype)


@jax.custom_jvp
def _floored(x: jax.Array, low: Any) -> jax.Array:
    """max(x, low) with the derivative 1 everywhere: torch clamps without recording it."""
    return jnp.maximum(x, low)


@_floored.defjvp
def _floored_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    return _floored(*primals), tangents[0]


def gaussian_nll_loss(
    input: ArrayLike,
    target: ArrayLike,
    var: ArrayLike,
    full: bool = False,
    eps: float = 1e-6,
    reduction: Reduction = "mean",
) -> jax.Array:
    """0.5 (log(var) + (input - target)^2 / var), a normal distribution's -log p up to a constant.

    torch.nn.functional.gaussian_nll_loss (D. Nix and A. Weigend, "Estimating the mean and variance of the target
    probability distribution", 1994). As in torch, the gradient w.r.t. `var` passes through where `eps` replaces it.

    Args:
        input: the mean, real, any shape.
        target: real, of a shape that broadcasts with the input's.
        var: the variance: of the input's shape, without its last dimension, or with one
            of its dimensions 1; or a float.
        full: whether 0.5 log(2 pi) is added.
        eps: the variance is at least that.
        reduction: 'none', 'mean' or 'sum'.

    Returns:
        In the arrays' common dtype: the broadcast shape, or () of a mean or sum. NaN of a negative variance in an
        array, which torch refuses: the values are not known where the call is compiled.

    Raises:
        ValueError: shapes that do not fit, a negative float, an unknown reduction.
        TypeError: complex arrays, arrays none of which is floating, a variance that is neither an array nor a float.
    """
    op = "gaussian_nll_loss"
    check_reduction(reduction)
    x, t, small = array("input", input), array("target", target), number("eps", eps)
    if isinstance(var, float):
        if var < 0:
            raise ValueError(f"`var` (={var}) must not be negative")
        v = jnp.full_like(x, var)
    else:
        v = array("var", var)
    for a in (x, t, v):
        refuse_dtype(op, a, jnp.complexfloating)
    refuse_dtype(op, v, jnp.bool_)
    if v.shape != x.shape:
        if v.shape == x.shape[:-1] and x.ndim:
            v = v.reshape(*v.shape, 1)
        elif v.ndim != x.ndim or sum(n for m, n in zip(x.shape, v.shape, strict=True) if m != n) != 1:
            raise ValueError(
                f"`var` of shape {v.shape} is of incorrect size for `input` of shape {x.shape}: it must have the "
                "shape of `input`, that shape without its last dimension, or that shape with 1 in one dimension"
            )
    out = promoted(x, t, v)
    if not jnp.issubdtype(out, jnp.floating):
        raise TypeError(f'"{op}" is not implemented for dtype {out}')
    x, t, v = together(x, t, v)
    floor = _floored(jnp.where(v < 0, jnp.full_like(v, jnp.nan), v), jnp.asarray(small, v.dtype))
    loss = 0.5 * (jnp.log(floor) + jnp.square(x - t) / floor)
    return reduced(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction, out)
