"""Error bounds of operations that move numbers or pick some: the errors move along."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from parity._bounds.rounding.number import Number, Step, rule, run, wide


def _pad(x: np.ndarray, value: np.ndarray, config: Any) -> np.ndarray:
    shape = [
        low + high + n + max(n - 1, 0) * inner for n, (low, high, inner) in zip(x.shape, config, strict=True)
    ]
    out = np.full([max(n, 0) for n in shape], value, x.dtype)
    to, source = [], []
    for n, size, (low, _, inner) in zip(x.shape, out.shape, config, strict=True):
        at = low + np.arange(n) * (inner + 1)
        inside = np.flatnonzero((at >= 0) & (at < size))
        source.append(inside)
        to.append(at[inside])
    out[np.ix_(*to)] = x[np.ix_(*source)]
    return out


def _broadcast(x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    shape = [1] * len(p["shape"])
    for axis, n in zip(p["broadcast_dimensions"], x.shape, strict=True):
        shape[axis] = n
    return np.broadcast_to(x.reshape(shape), p["shape"])


def _slice(x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    strides = p["strides"] or (1,) * x.ndim
    return x[tuple(map(slice, p["start_indices"], p["limit_indices"], strides))]


_MOVES: dict[str, Callable[[np.ndarray, dict[str, Any]], np.ndarray]] = {
    "broadcast_in_dim": _broadcast,
    "copy": lambda x, p: x,
    "copy_p": lambda x, p: x,
    "name": lambda x, p: x,  # checkpoint_name
    "expand_dims": lambda x, p: np.expand_dims(x, p["dimensions"]),
    "reduce_max": lambda x, p: x.max(tuple(p["axes"])),
    "reshape": lambda x, p: x.transpose(p["dimensions"] or range(x.ndim)).reshape(p["new_sizes"]),
    "rev": lambda x, p: np.flip(x, p["dimensions"]),
    "sharding_constraint": lambda x, p: x,
    "slice": _slice,
    "squeeze": lambda x, p: np.squeeze(x, tuple(p["dimensions"])),
    "tile": lambda x, p: np.tile(x, p["reps"]),
    "transpose": lambda x, p: np.transpose(x, p["permutation"]),
    "cummax": lambda x, p: _along(np.maximum, x, p),
}


def _along(accumulate: Any, x: np.ndarray, p: dict[str, Any]) -> np.ndarray:
    if p["reverse"]:
        return np.flip(accumulate.accumulate(np.flip(x, p["axis"]), p["axis"]), p["axis"])
    return accumulate.accumulate(x, p["axis"])


@rule(*_MOVES)
def _move(step: Step, x: Number) -> Number:
    f = _MOVES[step.primitive.name]
    return Number(f(x.value, step.params), None if x.error is None else f(x.error, step.params))


@rule("device_put", "optimization_barrier")
def _each(step: Step, *operands: Number) -> list[Number]:
    return list(operands)


@rule("reduce_min")
def _reduce_min(step: Step, x: Number) -> Number:
    axes = tuple(step.params["axes"])
    return Number(x.value.min(axes), None if x.error is None else x.error.max(axes))


@rule("cummin")
def _cummin(step: Step, x: Number) -> Number:
    error = (
        None
        if x.error is None
        else np.broadcast_to(x.error.max(step.params["axis"], keepdims=True), x.value.shape)
    )
    return Number(_along(np.minimum, x.value, step.params), error)


@rule("reduce_and", "reduce_or")
def _reduce_logic(step: Step, x: Number) -> Number:
    axes = tuple(step.params["axes"])
    f = np.all if step.primitive.name == "reduce_and" else np.any
    y = np.asarray(f(x.value, axes))
    if x.exact:
        return Number(y)
    return Number(y, f(x.value & ~x.errors, axes) != f(x.value | x.errors, axes))


@rule("pad")
def _padded(step: Step, x: Number, value: Number) -> Number:
    config = step.params["padding_config"]
    exact = x.error is None and value.error is None
    return Number(_pad(x.value, value.value, config), None if exact else _pad(x.errors, value.errors, config))


@rule("concatenate")
def _concatenate(step: Step, *operands: Number) -> Number:
    axis = step.params["dimension"]
    value = np.concatenate([x.value for x in operands], axis)
    exact = all(x.error is None for x in operands)
    return Number(value, None if exact else np.concatenate([x.errors for x in operands], axis))


@rule("stack")
def _stack(step: Step, *operands: Number) -> Number:
    axis = step.params["axis"]
    exact = all(x.error is None for x in operands)
    return Number(
        np.stack([x.value for x in operands], axis),
        None if exact else np.stack([x.errors for x in operands], axis),
    )


@rule("unstack")
def _unstack(step: Step, x: Number) -> list[Number]:
    axis = step.params["axis"]
    values = np.moveaxis(x.value, axis, 0)
    errors = [None] * len(values) if x.error is None else np.moveaxis(x.errors, axis, 0)
    return [Number(v, e) for v, e in zip(values, errors, strict=True)]


@rule("split")
def _split(step: Step, x: Number) -> list[Number]:
    at, axis = np.cumsum(step.params["sizes"])[:-1], step.params["axis"]
    values = np.split(x.value, at, axis)
    errors = [None] * len(values) if x.error is None else np.split(x.errors, at, axis)
    return [Number(v, e) for v, e in zip(values, errors, strict=True)]


@rule("iota")
def _iota(step: Step) -> Number:
    shape, axis = step.params["shape"], step.params["dimension"]
    along = np.arange(shape[axis], dtype=wide(step.dtype)).reshape((-1,) + (1,) * (len(shape) - axis - 1))
    return Number(np.broadcast_to(along, shape))


@rule("gather", "dynamic_slice", "dynamic_update_slice", "scatter")
def _indexed(step: Step, *operands: Number) -> Number:
    """What JAX itself picks, once of the values and once of the errors. Which, must not depend on roundings."""
    name, params = step.primitive.name, step.params
    arrays = 2 if name == "dynamic_update_slice" else 1
    picked = [operands[0], operands[2]] if name == "scatter" else list(operands[:arrays])
    indices = [operands[1]] if name == "scatter" else list(operands[arrays:])
    at = [i.value for i in indices]

    def pick(*x: Any) -> Any:
        if name != "scatter":
            return step.primitive.bind(*x, *map(jnp.asarray, at), **params)
        return lax.scatter(
            x[0], at[0], x[1], params["dimension_numbers"], indices_are_sorted=params["indices_are_sorted"],
            unique_indices=params["unique_indices"], mode=params["mode"],
        )  # fmt: skip

    y = run(pick, *(x.value for x in picked))
    certain = all(i.exact for i in indices)
    if certain and all(x.error is None for x in picked):
        return Number(y)
    if y.dtype.kind in "biu":
        mask = run(pick, *(x.errors.astype(y.dtype) for x in picked)) != 0
        return Number(y, mask if certain else np.ones(y.shape, bool))
    error = run(pick, *(x.errors for x in picked)) if certain else np.inf
    return step.finish(y, error)


@rule("reduce_window_max", "reduce_window_min")
def _window(step: Step, x: Number) -> Number:
    y = run(lambda a: step.primitive.bind(a, **step.params), x.value)
    if x.error is None:
        return Number(y)
    return Number(y, run(lambda e: lax.reduce_window_max_p.bind(e, **step.params), x.errors))


@rule("sort")
def _sort(step: Step, *operands: Number) -> list[Number]:
    if len(operands) == 1 and not operands[0].exact:
        # The k-th of numbers that moved by no more than e has moved by no more than e.
        axis = step.params["dimension"]
        (x,) = operands
        most = x.errors.max(axis, keepdims=True, initial=0.0)
        return [Number(np.sort(x.value, axis), np.broadcast_to(most, x.value.shape))]
    return as_it_is(step, *operands)


def as_it_is(step: Step, *operands: Number) -> list[Number]:
    """The primitive itself on exact operands in their own dtypes."""
    inputs = [
        x.value if x.value.dtype == d else x.value.astype(d)
        for x, d in zip(operands, step.operands, strict=True)
    ]
    with jax.enable_x64(True), jax.default_device(jax.devices("cpu")[0]):
        outputs = step.primitive.bind(*map(jnp.asarray, inputs), **step.params)
    listed = outputs if step.primitive.multiple_results else [outputs]
    return [Number(np.asarray(y).astype(wide(y.dtype), copy=False)) for y in listed]


PICKS = {
    "argmax", "argmin", "top_k", "approx_top_k", "reduce_window", "reduce", "select_and_gather_add", "nextafter",
    "bitcast_convert_type",
}  # fmt: skip
"""Primitives that give one of their exact operands, where it is, or its bits."""
