"""Equations that are computed in blocks of channels because an operand is: those that leave the channels alone."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from jaxconv import _jax_internals as internals
from jaxconv._inference.values import Blocks, Values

# fmt: off
_ELEMENTWISE = {
    "abs", "add", "and", "atan2", "cbrt", "ceil", "clamp", "convert_element_type", "copy", "cos", "cosh", "div", "eq",
    "erf", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le", "log", "log1p", "logistic",
    "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "rem", "round", "rsqrt", "select_n", "sign", "sin",
    "sinh", "sqrt", "square", "sub", "tan", "tanh", "xor",
}
_REDUCTIONS = {"reduce_and", "reduce_max", "reduce_min", "reduce_or", "reduce_prod", "reduce_sum"}
# fmt: on


def in_blocks(eqn: Any, values: Values) -> list[Blocks] | None:
    """The results in blocks, if an operand is and the equation can be; None otherwise.

    The channels that fill the last block hold something or other, as each of a block's channels is computed alone.
    """
    if not any(map(values.in_blocks, eqn.invars)):
        return None
    name = eqn.primitive.name
    if name in _ELEMENTWISE:
        return _elementwise(eqn, values)
    if name in _REDUCTIONS:
        return _same(eqn, values) if min(eqn.params["axes"], default=0) >= 2 else None
    rule = _RULES.get(name)
    return None if rule is None else rule(eqn, values)


def _elementwise(eqn: Any, values: Values) -> list[Blocks] | None:
    (out,) = eqn.outvars
    shape = out.aval.shape
    for atom in eqn.invars:
        own = () if internals.is_literal(atom) else atom.aval.shape
        if own and (len(own) != len(shape) or own[1] not in (1, shape[1])):
            return None
    if not any(values.in_blocks(atom) and atom.aval.shape[1] == shape[1] for atom in eqn.invars):
        return None
    return _evaluated(eqn, [values.blocks_or_number(atom) for atom in eqn.invars])


def _evaluated(eqn: Any, operands: list[Any]) -> list[Blocks]:
    return [Blocks(array) for array in internals.evaluate(eqn, operands)]


def _same(eqn: Any, values: Values) -> list[Blocks]:
    """An equation of the positions' dimensions, which are those of blocks as well."""
    return _evaluated(eqn, [values.blocks(eqn.invars[0]), *map(values, eqn.invars[1:])])


def _split(eqn: Any, values: Values) -> list[Blocks] | None:
    return _same(eqn, values) if eqn.params["axis"] >= 2 else None


def _squeeze(eqn: Any, values: Values) -> list[Blocks] | None:
    return _same(eqn, values) if min(eqn.params["dimensions"], default=0) >= 2 else None


def _reshape(eqn: Any, values: Values) -> list[Blocks] | None:
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    if eqn.params.get("dimensions") is not None or len(new) < 2 or old[:2] != new[:2]:
        return None
    array = values.blocks(eqn.invars[0])
    return [Blocks(array.reshape(*array.shape[:2], *new[2:], values.lanes))]


def _broadcast(eqn: Any, values: Values) -> list[Blocks] | None:
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    to = eqn.params["broadcast_dimensions"]
    if len(old) < 2 or to[:2] != (0, 1) or old[:2] != new[:2]:
        return None
    array = values.blocks(eqn.invars[0])
    sizes = dict(zip(to, old, strict=True))
    array = array.reshape(*array.shape[:2], *(sizes.get(d, 1) for d in range(2, len(new))), values.lanes)
    return [Blocks(jnp.broadcast_to(array, (*array.shape[:2], *new[2:], values.lanes)))]


def _pad(eqn: Any, values: Values) -> list[Blocks] | None:
    config = eqn.params["padding_config"]
    if any(numbers != (0, 0, 0) for numbers in config[:2]):
        return None
    return [Blocks(lax.pad(values.blocks(eqn.invars[0]), values(eqn.invars[1]), (*config, (0, 0, 0))))]


def _slice(eqn: Any, values: Values) -> list[Blocks] | None:
    start, limit = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or (1,) * len(start)
    array, channels, lanes = values.blocks(eqn.invars[0]), eqn.invars[0].aval.shape[1], values.lanes
    if strides[1] != 1 or start[1] % lanes or (limit[1] % lanes and limit[1] != channels):
        return None
    start = (start[0], start[1] // lanes, *start[2:], 0)
    limit = (limit[0], -(-limit[1] // lanes), *limit[2:], lanes)
    return [Blocks(lax.slice(array, start, limit, (*strides, 1)))]


def _concatenate(eqn: Any, values: Values) -> list[Blocks] | None:
    dimension = eqn.params["dimension"]
    *first, _ = (atom.aval.shape[1] for atom in eqn.invars)
    if dimension == 0 or (dimension == 1 and any(channels % values.lanes for channels in first)):
        return None
    return [Blocks(lax.concatenate([values.blocks(atom) for atom in eqn.invars], dimension))]


def _reduce_window(eqn: Any, values: Values) -> list[Blocks] | None:
    lists = ("window_dimensions", "window_strides", "base_dilation", "window_dilation")
    params = {name: (*eqn.params[name], 1) for name in lists} | {"padding": (*eqn.params["padding"], (0, 0))}
    if any(params[name][1] != 1 for name in lists) or params["padding"][1] != (0, 0):
        return None
    return [Blocks(eqn.primitive.bind(values.blocks(eqn.invars[0]), **eqn.params | params))]


def _dot(eqn: Any, values: Values) -> list[Blocks] | None:
    """A weighted sum over positions, such as a mean."""
    (contracted, other), batched = eqn.params["dimension_numbers"]
    a, b = eqn.invars
    weights = b.aval.shape
    if (
        batched != ((), ())
        or not values.in_blocks(a)
        or min(contracted, default=0) < 2
        or len(weights) != len(other)
    ):
        return None
    array = values.blocks(a)
    factor = values(b).transpose([*_sorted(other, contracted)]) if weights else values(b)
    order = sorted(contracted)
    shape = [array.shape[d] if d in order else 1 for d in range(array.ndim)]
    return [Blocks((array * factor.reshape(shape)).sum(order))]


def _sorted(other: Any, contracted: Any) -> list[int]:
    return [own for _, own in sorted(zip(contracted, other, strict=True))]


_RULES: dict[str, Callable[[Any, Values], list[Blocks] | None]] = {
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "dot_general": _dot,
    "pad": _pad,
    "reduce_window_max": _reduce_window,
    "reduce_window_min": _reduce_window,
    "reduce_window_sum": _reduce_window,
    "reshape": _reshape,
    "slice": _slice,
    "split": _split,
    "squeeze": _squeeze,
}
