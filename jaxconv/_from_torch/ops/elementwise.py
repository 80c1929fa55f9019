"""ATen's operations on single elements."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._from_torch.ops._dtypes import category, floating, promoted, together


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(*together(a, b))


def _float_binary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(*map(floating, together(a, b)))


def written_unnoticed(new: Any, old: Any) -> jax.Array:
    """The new values with the old one's gradient: torch's in-place operations under no_grad or on a detached tensor."""
    if category(new.dtype) < 2:
        return new

    @jax.custom_jvp
    def written(old: Any, new: Any) -> jax.Array:
        return new

    written.defjvp(lambda primals, tangents: (primals[1], tangents[0]))
    return written(old, new)


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(floating(x))


def _exact_unary(function: Callable[..., Any]) -> Callable[..., Any]:
    """Rounding and the like: integers stay as they are."""
    return lambda x: function(x) if category(x.dtype) > 1 else x


def _scaled(a: Any, b: Any, alpha: Any) -> list[Any]:
    a, b = together(a, b)
    return [a, b if alpha == 1 else b * jnp.asarray(alpha, b.dtype)]


def _add(a: Any, b: Any, alpha: Any = 1) -> jax.Array:
    a, b = _scaled(a, b, alpha)
    return a | b if a.dtype == jnp.bool_ else a + b


def _sub(a: Any, b: Any, alpha: Any = 1) -> jax.Array:
    a, b = _scaled(a, b, alpha)
    return a - b


def _div(a: Any, b: Any, rounding_mode: str | None = None) -> jax.Array:
    a, b = together(a, b)
    if rounding_mode is None:
        return floating(a) / floating(b)
    if category(a.dtype) > 1:
        return jnp.floor_divide(a, b) if rounding_mode == "floor" else jnp.trunc(a / b)
    return jnp.floor_divide(a, b) if rounding_mode == "floor" else lax.div(*jnp.broadcast_arrays(a, b))


def _pow(a: Any, b: Any) -> jax.Array:
    if isinstance(b, int | float) and not isinstance(a, int | float):
        kind = promoted(a, b)
        x = a.astype(kind)
        if b == 0.5:
            return jnp.sqrt(x)
        if b == int(b) and abs(b) < 64:  # however it is written: a negative number has such a power
            return lax.integer_pow(x, int(b))
        return jnp.power(x, jnp.asarray(b, kind))
    a, b = together(a, b)
    return jnp.power(a, b)


def _clamp(x: Any, min: Any = None, max: Any = None) -> jax.Array:
    # As selects: the gradient at either end goes through, as torch's does.
    kind = promoted(x, *(end for end in (min, max) if end is not None))
    x = jnp.asarray(x, kind)
    if min is not None:
        x = jnp.where(x < jnp.asarray(min, kind), jnp.asarray(min, kind), x)
    if max is not None:
        x = jnp.where(x > jnp.asarray(max, kind), jnp.asarray(max, kind), x)
    return x


def _where(condition: Any, a: Any, b: Any) -> jax.Array:
    a, b = together(a, b)
    return jnp.where(condition, a, b)


def _masked_fill(x: Any, mask: Any, value: Any) -> jax.Array:
    return jnp.where(mask, jnp.asarray(value, x.dtype), x)


def _lerp(start: Any, end: Any, weight: Any) -> jax.Array:
    return start + jnp.asarray(weight, start.dtype) * (end - start)


def _addcmul(x: Any, a: Any, b: Any, value: Any = 1) -> jax.Array:
    x, a, b = together(x, a, b)
    return x + jnp.asarray(value, x.dtype) * a * b


def _addcdiv(x: Any, a: Any, b: Any, value: Any = 1) -> jax.Array:
    x, a, b = together(x, a, b)
    return x + jnp.asarray(value, x.dtype) * a / b


def _round(x: Any, decimals: int = 0) -> jax.Array:
    return x if category(x.dtype) < 2 else jnp.round(x, decimals)


def _heaviside(x: Any, at_zero: Any) -> jax.Array:
    x, at_zero = together(x, at_zero)
    return jnp.where(x == 0, at_zero, (x > 0).astype(x.dtype))


def _logit(x: Any, eps: float | None = None) -> jax.Array:
    x = floating(x)
    x = x if eps is None else jnp.clip(x, eps, 1 - eps)
    return jnp.log(x / (1 - x))


def _nan_to_num(x: Any, nan: Any = None, posinf: Any = None, neginf: Any = None) -> jax.Array:
    return jnp.nan_to_num(x, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


def _sigmoid(x: Any) -> jax.Array:
    return jax.nn.sigmoid(floating(x))


def _logical(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs: function(*(x != 0 for x in xs))


TABLE: dict[str, Callable[..., Any]] = {
    "written_unnoticed": written_unnoticed,
    "add": _add,
    "sub": _sub,
    "subtract": _sub,
    "rsub": lambda a, b, alpha=1: _sub(b, a, alpha),
    "mul": _binary(jnp.multiply),
    "multiply": _binary(jnp.multiply),
    "div": _div,
    "divide": _div,
    "true_divide": _div,
    "floor_divide": lambda a, b: _div(a, b, "floor"),
    "remainder": _binary(jnp.remainder),
    "fmod": _binary(jnp.fmod),
    "pow": _pow,
    "maximum": _binary(jnp.maximum),
    "minimum": _binary(jnp.minimum),
    "max.other": _binary(jnp.maximum),
    "min.other": _binary(jnp.minimum),
    "atan2": _float_binary(jnp.arctan2),
    "eq": _binary(jnp.equal),
    "ne": _binary(jnp.not_equal),
    "lt": _binary(jnp.less),
    "le": _binary(jnp.less_equal),
    "gt": _binary(jnp.greater),
    "ge": _binary(jnp.greater_equal),
    "logical_and": _logical(jnp.logical_and),
    "logical_or": _logical(jnp.logical_or),
    "logical_xor": _logical(jnp.logical_xor),
    "logical_not": _logical(jnp.logical_not),
    "bitwise_and": _binary(jnp.bitwise_and),
    "bitwise_or": _binary(jnp.bitwise_or),
    "bitwise_xor": _binary(jnp.bitwise_xor),
    "bitwise_not": jnp.bitwise_not,
    "__and__": _binary(jnp.bitwise_and),
    "__or__": _binary(jnp.bitwise_or),
    "__xor__": _binary(jnp.bitwise_xor),
    "clamp": _clamp,
    "clip": _clamp,
    "clamp_min": _clamp,
    "clamp_max": lambda x, max: _clamp(x, None, max),
    "where.self": _where,
    "prims.where.default": _where,
    "where.ScalarSelf": _where,
    "where.ScalarOther": _where,
    "where.Scalar": _where,
    "masked_fill": _masked_fill,
    "lerp": _lerp,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "heaviside": _heaviside,
    "hypot": _float_binary(jnp.hypot),
    "logaddexp": _float_binary(jnp.logaddexp),
    "complex": lambda a, b: lax.complex(*jnp.broadcast_arrays(*together(a, b))),
    "real": jnp.real,
    "imag": jnp.imag,
    "logit": _logit,
    "nan_to_num": _nan_to_num,
    "sgn": jnp.sign,
    "frac": lambda x: x - jnp.trunc(x),
    "sinc": _unary(jnp.sinc),
    "neg": jnp.negative,
    "negative": jnp.negative,
    "abs": jnp.abs,
    "absolute": jnp.abs,
    "sign": jnp.sign,
    "square": jnp.square,
    "floor": _exact_unary(jnp.floor),
    "ceil": _exact_unary(jnp.ceil),
    "trunc": _exact_unary(jnp.trunc),
    "round": _round,
    "isnan": jnp.isnan,
    "isinf": jnp.isinf,
    "isfinite": jnp.isfinite,
    "sigmoid": _sigmoid,
    "reciprocal": _unary(jnp.reciprocal),
    "rsqrt": _unary(lax.rsqrt),
    "erf": _unary(lax.erf),
    "erfc": _unary(lax.erfc),
    "asin": _unary(jnp.arcsin),
    "acos": _unary(jnp.arccos),
    "atan": _unary(jnp.arctan),
    "asinh": _unary(jnp.arcsinh),
    "acosh": _unary(jnp.arccosh),
    "atanh": _unary(jnp.arctanh),
}
for _name in (
    "exp",
    "exp2",
    "expm1",
    "log",
    "log10",
    "log1p",
    "log2",
    "sqrt",
    "sin",
    "cos",
    "tan",
    "sinh",
    "cosh",
    "tanh",
):
    TABLE[_name] = _unary(getattr(jnp, _name))
