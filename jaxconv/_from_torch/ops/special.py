"""ATen's special functions, and operations on the bits of numbers."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from jaxconv._from_torch.ops._dtypes import category, floating, together


def _unary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: function(floating(x))


def _binary(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(*map(floating, together(a, b)))


def _shift(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(*jnp.broadcast_arrays(*together(a, b)))


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(*together(a, b))


def _copysign(a: Any, b: Any) -> jax.Array:
    """torch's gradient: the sign of the result by that of `a`, zero at zero; none by `b`."""
    a, b = map(floating, together(a, b))
    still = lax.stop_gradient(a)
    value = jnp.copysign(still, lax.stop_gradient(b))
    slope = jnp.where(still == 0, 0, jnp.sign(value) * jnp.sign(still))
    return jnp.where(still == 0, value, 0) + jnp.where(slope == 0, 0, slope * a)


def _frexp(x: Any) -> tuple[jax.Array, jax.Array]:
    mantissa, exponent = jnp.frexp(x)
    return mantissa, exponent.astype(jnp.int32)


def _signbit(x: Any) -> jax.Array:
    return jnp.signbit(x) if category(x.dtype) > 1 else x < 0


def _extreme(ordinary: Callable[..., Any], numbers: Callable[..., Any]) -> Callable[..., Any]:
    """fmax and fmin: a NaN counts only where both are."""

    def of(a: Any, b: Any) -> jax.Array:
        a, b = together(a, b)
        if category(a.dtype) < 2:
            return ordinary(a, b)
        # torch gives the whole gradient of equal numbers to the first.
        first = ~(numbers(a, b) | jnp.isnan(a)) | jnp.isnan(b)
        return jnp.where(first, a, b)

    return of


TABLE: dict[str, Callable[..., Any]] = {
    "lgamma": _unary(special.gammaln),
    "digamma": _unary(special.digamma),
    "polygamma": lambda n, x: special.polygamma(n, floating(x)),
    "special_zeta": _binary(special.zeta),
    "zeta": _binary(special.zeta),
    "erfinv": _unary(lax.erf_inv),
    "erf_inv": _unary(lax.erf_inv),
    "i0": _unary(special.i0),
    "bessel_i0": _unary(special.i0),
    "bessel_i0e": _unary(special.i0e),
    "bessel_i1": _unary(special.i1),
    "bessel_i1e": _unary(special.i1e),
    "special_i0e": _unary(special.i0e),
    "special_i1": _unary(special.i1),
    "special_i1e": _unary(special.i1e),
    "special_ndtri": _unary(special.ndtri),
    "ndtri": _unary(special.ndtri),
    "special_log_ndtr": _unary(special.log_ndtr),
    "igamma": _binary(special.gammainc),
    "igammac": _binary(special.gammaincc),
    "copysign": _copysign,
    "signbit": _signbit,
    "nextafter": _whole(jnp.nextafter),
    "frexp": _frexp,
    "gcd": _whole(jnp.gcd),
    "lcm": _whole(jnp.lcm),
    "fmax": _extreme(jnp.maximum, lambda a, b: a < b),
    "fmin": _extreme(jnp.minimum, lambda a, b: a > b),
    "bitwise_left_shift": _shift(lax.shift_left),
    "bitwise_right_shift": _shift(lax.shift_right_arithmetic),
    "shift_left": _shift(lax.shift_left),
    "shift_right_arithmetic": _shift(lax.shift_right_arithmetic),
    "__lshift__": _shift(lax.shift_left),
    "__rshift__": _shift(lax.shift_right_arithmetic),
}
