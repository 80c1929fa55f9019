"""Error bounds of sums, of products of many, and of sums of products: a term for each addition."""

import math
from typing import Any

import numpy as np

import jaxconv
from parity._bounds.reference import roundoff
from parity._bounds.rounding.number import Number, Step, rule, run


@rule("reduce_sum")
def _reduce_sum(step: Step, x: Number) -> Number:
    axes = tuple(step.params["axes"])
    if x.value.dtype.kind in "biu":
        y = x.value.sum(axes, dtype=x.value.dtype)
        return Number(y, None if x.exact else np.asarray(x.errors.any(axes)))
    y = np.asarray(x.value.sum(axes))
    error = x.errors.sum(axes)
    # One more than there are: XLA rewrites sums, of a single complex number too, which it then gives back rounded.
    additions = math.prod(x.value.shape[a] for a in axes)
    return _summed(step, y, error, additions, np.asarray((x.magnitude + x.errors).sum(axes)))


def _summed(step: Step, y: np.ndarray, error: Any, additions: Any, magnitude: np.ndarray) -> Number:
    return step.finish(y, error + step.summation(additions, magnitude, step.roundoff))


@rule("cumsum")
def _cumsum(step: Step, x: Number) -> Number:
    axis, reverse = step.params["axis"], step.params["reverse"]

    def along(a: np.ndarray) -> np.ndarray:
        return np.flip(np.cumsum(np.flip(a, axis), axis), axis) if reverse else np.cumsum(a, axis)

    if x.value.dtype.kind in "biu":
        return Number(along(x.value).astype(x.value.dtype), None if x.exact else along(x.errors) > 0)
    additions = max(x.value.shape[axis] - 1, 0)
    return _summed(step, along(x.value), along(x.errors), additions, along(x.magnitude + x.errors))


@rule("reduce_prod", "cumprod")
def _product(step: Step, x: Number) -> Number:
    def multiply(a: np.ndarray) -> np.ndarray:
        if step.primitive.name == "reduce_prod":
            return np.asarray(a.prod(tuple(step.params["axes"])))
        axis = step.params["axis"]
        return (
            np.flip(np.cumprod(np.flip(a, axis), axis), axis)
            if step.params["reverse"]
            else np.cumprod(a, axis)
        )

    y = multiply(x.value)
    if y.dtype.kind in "biu":
        return Number(y, None if x.exact else np.ones(y.shape, bool))
    most = multiply(x.magnitude + x.errors)
    factors = max(
        x.value.size // max(y.size, 1), x.value.shape[step.params["axis"]] if "axis" in step.params else 1
    )
    moved = most - np.abs(y) if x.error is not None or y.dtype.kind == "c" else 0.0
    return step.finish(
        y, moved + step.summation(factors * (4 if y.dtype.kind == "c" else 1), most, step.roundoff)
    )


@rule("reduce_window_sum")
def _window_sum(step: Step, x: Number) -> Number:
    def add(a: np.ndarray) -> np.ndarray:
        return run(lambda a: step.primitive.bind(a, **step.params), a)

    if x.value.dtype.kind in "biu":
        return Number(add(x.value), None if x.exact else add(x.errors.astype(x.value.dtype)) != 0)
    error = 0.0 if x.error is None else add(x.errors)
    additions = math.prod(step.params["window_dimensions"]) - 1
    return _summed(step, add(x.value), error, additions, add(x.magnitude + x.errors))


@rule("select_and_scatter_add")
def _select_and_scatter_add(step: Step, source: Number, operand: Number) -> Number:
    """The gradient of a maximum over windows. Where the operand is rounded, any of a window may be the greatest."""
    params = step.params

    def scatter(a: np.ndarray) -> np.ndarray:
        return run(lambda s, o: step.primitive.bind(s, o, **params), a, operand.value)

    y = scatter(source.value)
    if not operand.exact:
        return step.finish(y, np.inf)
    additions = math.prod(params["window_dimensions"]) - 1
    return _summed(step, y, scatter(source.errors), additions, scatter(source.magnitude + source.errors))


def _sum_of_products(step: Step, f: Any, a: Number, b: Number, terms: Any, y: np.ndarray) -> Number:
    """y = f(a, b), bilinear, each element a sum of so many products."""
    if y.dtype.kind in "biu":
        return Number(y, None if a.exact and b.exact else np.ones(y.shape, bool))
    how = step.how
    error: Any = 0.0
    if a.error is not None:
        error = f(a.errors, b.magnitude)
    if b.error is not None:
        error = error + f(a.magnitude + a.errors, b.errors)
    size = f(a.magnitude, b.magnitude) + error
    multiply = how.multiply if roundoff(step.operands[0]) == 2.0**-24 else 0.0
    error = error + (2 * multiply + multiply**2) * size
    # Half-precision types accumulate in float32, unless `how` is `narrow`.
    u = max(how.accumulate, min(roundoff(step.dtype), 2.0**-24))
    # A complex product is two products a part, or Gauss's three, whose factors are sums.
    roundings = 2 * terms + 4 if y.dtype.kind == "c" else terms
    error = error + step.summation(roundings, size, u, how.nearest)
    if roundoff(step.dtype) > u:
        return step.round(y, error)
    return step.finish(y, error)


@rule("dot_general")
def _dot(step: Step, a: Number, b: Number) -> Number:
    (left, right), (left_batch, right_batch) = step.params["dimension_numbers"]

    def matrix(x: np.ndarray, batch: Any, contract: Any, contract_last: bool) -> np.ndarray:
        free = [i for i in range(x.ndim) if i not in batch and i not in contract]
        order = [*batch, *free, *contract] if contract_last else [*batch, *contract, *free]
        sizes = [math.prod(x.shape[i] for i in axes) for axes in (free, contract)]
        shape = [*(x.shape[i] for i in batch), *(sizes if contract_last else sizes[::-1])]
        return x.transpose(order).reshape(shape)

    def dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        product = matrix(x, left_batch, left, True) @ matrix(y, right_batch, right, False)
        return product.reshape(step.shapes[0])

    y = dot(a.value, b.value)
    if y.dtype.kind in "biu":
        y = y.astype(step.dtype)
    return _sum_of_products(step, dot, a, b, math.prod(a.value.shape[i] for i in left), y)


@rule("conv_general_dilated")
def _conv(step: Step, x: Number, w: Number) -> Number:
    params = {**step.params, "preferred_element_type": None, "precision": None}

    def conv(x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return run(lambda x, w: step.primitive.bind(x, w, **params), x, w)

    spec = params["dimension_numbers"].rhs_spec
    terms = math.prod(w.value.shape[i] for i in spec[1:])
    return _sum_of_products(step, conv, x, w, terms, conv(x.value, w.value))


@rule(jaxconv.extend.CONVOLUTION)
def _convolution(step: Step, a: Number, b: Number) -> Number:
    """jaxconv's primitive, a convolution or one of its gradients, however lowered. Sums of ones count the terms."""
    convolution = jaxconv.extend.convolution(step.params)

    def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return run(convolution, a, b)

    y = product(a.value, b.value)
    terms = product(np.ones(a.value.shape), np.ones(b.value.shape)) if y.dtype.kind in "fc" else 0
    return _sum_of_products(step, product, a, b, terms, y)
