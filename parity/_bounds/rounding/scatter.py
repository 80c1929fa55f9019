"""Error bounds of scattering: updates that are added to, multiplied with or compared with what is there."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from parity._bounds.rounding.number import Number, Step, rule, run

_Scatter = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _scatter(step: Step, function: Any, indices: Number) -> _Scatter:
    """A function of (operand, updates) that scatters as the equation does, but by another operation of `jax.lax`."""
    params = step.params

    def f(x: Any, updates: Any) -> Any:
        return function(
            x, jnp.asarray(indices.value), updates, params["dimension_numbers"], mode=params["mode"],
            indices_are_sorted=params["indices_are_sorted"], unique_indices=params["unique_indices"],
        )  # fmt: skip

    return lambda x, updates: run(f, x, updates)


def _integers(y: np.ndarray, *operands: Number) -> Number:
    return Number(y, None if all(o.exact for o in operands) else np.ones(y.shape, bool))


@rule("scatter-add", "scatter-sub")
def _scatter_add(step: Step, x: Number, indices: Number, updates: Number) -> Number:
    function = lax.scatter_add if step.primitive.name == "scatter-add" else lax.scatter_sub
    add = _scatter(step, lax.scatter_add, indices)
    y = _scatter(step, function, indices)(x.value, updates.value)
    if y.dtype.kind in "biu":
        return _integers(y, x, indices, updates)
    if not indices.exact:
        return step.finish(y, np.inf)
    additions = add(np.zeros(x.value.shape), np.ones(updates.value.shape))
    # One term onto a zero is the term.
    additions = np.where((x.value == 0) & (x.errors == 0), np.maximum(additions - 1, 0), additions)
    size = add(x.magnitude + x.errors, updates.magnitude + updates.errors)
    error = add(x.errors, updates.errors)
    return step.finish(y, error + step.summation(additions, size, step.roundoff))


@rule("scatter-mul")
def _scatter_mul(step: Step, x: Number, indices: Number, updates: Number) -> Number:
    multiply = _scatter(step, lax.scatter_mul, indices)
    y = multiply(x.value, updates.value)
    if y.dtype.kind in "biu":
        return _integers(y, x, indices, updates)
    if not indices.exact:
        return step.finish(y, np.inf)
    products = _scatter(step, lax.scatter_add, indices)(
        np.zeros(x.value.shape), np.ones(updates.value.shape)
    ) * (4 if y.dtype.kind == "c" else 1)
    size = multiply(x.magnitude + x.errors, updates.magnitude + updates.errors)
    moved = 0.0 if x.error is None and updates.error is None and y.dtype.kind == "f" else size - np.abs(y)
    return step.finish(y, moved + step.summation(products, size, step.roundoff))


@rule("scatter-max", "scatter-min")
def _scatter_choice(step: Step, x: Number, indices: Number, updates: Number) -> Number:
    """The greatest or least of numbers that moved by no more than e has moved by no more than e."""
    choose = lax.scatter_max if step.primitive.name == "scatter-max" else lax.scatter_min
    y = _scatter(step, choose, indices)(x.value, updates.value)
    if y.dtype.kind in "biu":
        return _integers(y, x, indices, updates)
    if not indices.exact:
        return step.finish(y, np.inf)
    if x.error is None and updates.error is None:
        return Number(y)
    return step.finish(y, _scatter(step, lax.scatter_max, indices)(x.errors, updates.errors))
