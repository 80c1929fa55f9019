"""torch.nn.functional's losses of two classes. What all losses share is said in `jaxconv.functional.loss`."""

from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from jaxconv._args import array, check_reduction, floating, refuse_dtype
from jaxconv._functional._loss import broadcast, reduced, together
from jaxconv._functional.activation import logsigmoid
from jaxconv._types import ArrayLike, Reduction

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


@jax.custom_jvp
def _binary(x: jax.Array, t: jax.Array) -> jax.Array:
    """-t log(x) - (1 - t) log(1 - x), each logarithm at least -100; NaN of what is outside [0, 1]."""
    loss = (t - 1) * jnp.maximum(jnp.log1p(-x), -100) - t * jnp.maximum(jnp.log(x), -100)
    return jnp.where((t >= 0) & (t <= 1), loss, jnp.full_like(loss, jnp.nan))


def _binary_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    # torch's derivatives: that w.r.t. x is bounded, that w.r.t. t is infinite where a logarithm is.
    (x, t), (dx, dt) = primals, tangents
    tangent = jnp.zeros_like(x)
    if not isinstance(dx, SymbolicZero):
        tangent += dx * ((x - t) / jnp.maximum(x * (1 - x), 1e-12))
    if not isinstance(dt, SymbolicZero):
        tangent += dt * (jnp.log1p(-x) - jnp.log(x))
    return _binary(x, t), tangent


_binary.defjvp(_binary_jvp, symbolic_zeros=True)


def _fits(name: str, value: Any, x: jax.Array) -> jax.Array:
    """A factor that broadcasts to the input's shape and does not enlarge it, in the dtype of the computation."""
    factor = array(name, value)
    refuse_dtype(name, factor, jnp.complexfloating)
    try:
        return broadcast(factor, x.shape).astype(x.dtype)
    except (ValueError, TypeError):
        raise ValueError(
            f"`{name}` of shape {factor.shape} does not broadcast to the shape {x.shape} of `input`"
        ) from None


def _same_shape(op: str, x: jax.Array, t: jax.Array) -> None:
    if x.shape != t.shape:
        raise ValueError(f"{op}: `target` of shape {t.shape} must have the shape {x.shape} of `input`")


def binary_cross_entropy(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
) -> jax.Array:
    """-(target log(input) + (1 - target) log(1 - input)) (torch.nn.functional.binary_cross_entropy).

    A logarithm is at least -100, and input (1 - input) in the derivative's denominator at least 1e-12, as in torch.

    Args:
        input: probabilities, floating, any shape.
        target: probabilities, of the input's shape and dtype.
        weight: a factor, of a shape that broadcasts to the input's.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'; the mean is not divided by the weights.

    Returns:
        In the input's dtype: the input's shape, or () of a mean or sum. NaN of an input or target outside [0, 1], which
        torch refuses: the values are not known where the call is compiled.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: an input that is not floating, a target of another dtype.
    """
    op = "binary_cross_entropy"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), array("target", target)
    _same_shape(op, x, t)
    if t.dtype != x.dtype:
        raise TypeError(f"{op}: `target` of dtype {t.dtype} must have the dtype {x.dtype} of `input`")
    loss = _binary(*together(x, t))
    if weight is not None:
        loss *= _fits("weight", weight, loss)
    return reduced(loss, reduction, x.dtype)


def binary_cross_entropy_with_logits(
    input: ArrayLike,
    target: ArrayLike,
    weight: ArrayLike | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: Reduction = "mean",
    pos_weight: ArrayLike | None = None,
) -> jax.Array:
    """binary_cross_entropy(sigmoid(input), target) without overflow (torch.nn.functional's of that name).

    (1 - target) input - (1 + (pos_weight - 1) target) log(sigmoid(input)).

    Args:
        input: logits, floating, any shape.
        target: floating, of the input's shape.
        weight: a factor, of a shape that broadcasts to the input's.
        size_average: None.
        reduce: None.
        reduction: 'none', 'mean' or 'sum'; the mean is not divided by the weights.
        pos_weight: a factor of the positive term, of a shape that broadcasts to the input's.

    Returns:
        In the target's dtype, as in torch: the input's shape, or () of a mean or sum.

    Raises:
        ValueError: shapes that do not fit, an unknown reduction, an argument that torch deprecated.
        TypeError: an array that is not floating.
    """
    op = "binary_cross_entropy_with_logits"
    check_reduction(reduction, size_average, reduce)
    x, t = floating(op, "input", input), floating(op, "target", target)
    _same_shape(op, x, t)
    wide, target_wide = together(x, t)
    positive = logsigmoid(wide)
    if pos_weight is not None:
        positive *= 1 + (_fits("pos_weight", pos_weight, wide) - 1) * target_wide
    loss = (1 - target_wide) * wide - positive
    if weight is not None:
        loss *= _fits("weight", weight, wide)
    return reduced(loss, reduction, t.dtype)
