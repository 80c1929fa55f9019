"""torch.nn.functional's activations: functions of one element at a time, and glu and prelu.

All take an array of any shape and give one of that shape and dtype; half-precision types are computed in float32 and
rounded once, as torch does on the CPU. At a kink the derivative is torch's. `inplace` is accepted where torch has it:
JAX's arrays are immutable, and the result is the same. NaN gives NaN. Wrong dtypes: TypeError; wrong values:
ValueError.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._args import array, number, refuse_dtype
from jaxconv._arrays import along
from jaxconv._dtypes import widened
from jaxconv._rows import long_rows
from jaxconv._types import Approximation, ArrayLike

# fmt: off
__all__ = [
    "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid",
    "mish", "prelu", "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink",
    "softsign", "tanh", "tanhshrink", "threshold",
]
# fmt: on

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _by_element(function: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """`function` of each element."""
    return function(long_rows(x)).reshape(x.shape)


def _floating(op: str, input: ArrayLike, function: Callable[[jax.Array], jax.Array]) -> jax.Array:
    """`function` of each element of a floating array."""
    x = array("input", input)
    refuse_dtype(op, x, jnp.bool_, jnp.integer, jnp.complexfloating)
    return _by_element(lambda x: function(widened(x)).astype(x.dtype), x)


def _inexact(
    op: str, input: ArrayLike, function: Callable[[jax.Array], jax.Array], *refused: Any
) -> jax.Array:
    """`function` of each element of any array: integers and booleans become floating, as in torch."""
    x = array("input", input)
    refuse_dtype(op, x, *refused)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.float32)
    return _by_element(lambda x: function(widened(x)).astype(x.dtype), x)


def _in_dtype(name: str, value: Any, x: jax.Array) -> jax.Array:
    """A number in x's dtype; of integers as in torch: a float is cut off, -1 is the greatest of the unsigned."""
    number(name, value)
    if not jnp.issubdtype(x.dtype, jnp.integer) or isinstance(value, jax.Array):
        return jnp.asarray(value, x.dtype)
    limits = jnp.iinfo(x.dtype)
    least = limits.min if isinstance(value, float) else -limits.max - (limits.min < 0)
    if not least <= value < limits.max + 1:  # torch 2.13 refused what is cut off to the greatest
        raise ValueError(f"`{name}` (={value!r}) cannot be represented in `input`'s dtype {x.dtype}")
    return jnp.asarray(np.asarray(int(value)).astype(x.dtype))


def relu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """max(x, 0), of floating and integer arrays; the derivative at 0 is 0 (torch.nn.functional.relu)."""
    x = array("input", input)
    refuse_dtype("relu", x, jnp.bool_, jnp.complexfloating)

    def function(x: jax.Array) -> jax.Array:
        # What is not positive has no derivative; -0 stays -0.
        return jnp.where(x <= 0, jax.lax.stop_gradient(jnp.where(x == 0, x, jnp.zeros_like(x))), x)

    return _by_element(function, x)


def relu6(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """min(max(x, 0), 6), of floating and integer arrays (torch.nn.functional.relu6)."""
    return hardtanh(input, 0, 6)


def hardtanh(
    input: ArrayLike, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> jax.Array:
    """x within [min_val, max_val]; the derivative at both ends is 0 (torch.nn.functional.hardtanh).

    Args:
        input: floating or integer.
        min_val: the lower end.
        max_val: the upper end, not below it. No NaN.
        inplace: without effect.
    """
    x = array("input", input)
    refuse_dtype("hardtanh", x, jnp.bool_, jnp.complexfloating)
    if not number("min_val", min_val) <= number("max_val", max_val):
        raise ValueError(f"`min_val` (={min_val}) must not be greater than `max_val` (={max_val})")
    if jnp.issubdtype(x.dtype, jnp.unsignedinteger) and min_val < 0:
        raise ValueError(f"`min_val` (={min_val}) must not be negative for `input` of dtype {x.dtype}")
    low, high = _in_dtype("min_val", min_val, x), _in_dtype("max_val", max_val, x)
    return _by_element(lambda x: _clamped(x, low, high), x)


def _clamped(x: jax.Array, low: Any, high: Any) -> jax.Array:
    """x within [low, high]. At both ends the derivative is 0; -0 stays -0 where one of them is 0."""
    ends = jnp.where(x < low, low, jnp.where(x > high, high, x))
    return jnp.where((x > low) & (x < high), x, jax.lax.stop_gradient(ends))


def threshold(input: ArrayLike, threshold: float, value: float, inplace: bool = False) -> jax.Array:
    """x where it is greater than `threshold`, else `value` (torch.nn.functional.threshold)."""
    x = array("input", input)
    refuse_dtype("threshold", x, jnp.bool_, jnp.complexfloating)
    limit, other = _in_dtype("threshold", threshold, x), _in_dtype("value", value, x)
    return _by_element(lambda x: jnp.where(x <= limit, other, x), x)


def leaky_relu(input: ArrayLike, negative_slope: float = 0.01, inplace: bool = False) -> jax.Array:
    """x where it is positive, else negative_slope * x (torch.nn.functional.leaky_relu)."""
    slope = number("negative_slope", negative_slope)
    return _floating("leaky_relu", input, lambda x: jnp.where(x > 0, x, x * slope))


def prelu(input: ArrayLike, weight: ArrayLike) -> jax.Array:
    """x where it is positive, else weight * x (torch.nn.functional.prelu).

    Args:
        input: (N, C, ...), floating.
        weight: (1,) or (), for all, or (C,), one a channel, of the input's dtype.

    Raises:
        ValueError: the number of weights is neither 1 nor the number of channels.
        TypeError: another dtype than the input's.
    """
    x, w = array("input", input), array("weight", weight)
    refuse_dtype("prelu", x, jnp.bool_, jnp.integer, jnp.complexfloating)
    if x.dtype != w.dtype:
        raise TypeError(f"prelu expected `weight` to have the dtype {x.dtype} of `input`, but got {w.dtype}")
    if w.ndim > 1:
        raise ValueError(f"prelu: expected `weight` to be a scalar or 1D array, but got shape {w.shape}")
    if w.size != 1:
        channels = x.shape[1] if x.ndim > 1 else 1
        if x.ndim == 0 or w.size != channels:
            raise ValueError(
                f"Mismatch of parameter numbers and input channel size: `weight` has {w.size} numbers for "
                f"{channels} channels of `input` of shape {x.shape}"
            )
        w = along(w, min(1, x.ndim - 1), x.ndim)
    else:
        w = w.reshape(())
    wide = widened(x)
    return jnp.where(wide > 0, wide, widened(w) * wide).astype(x.dtype)


def rrelu(
    input: ArrayLike,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
    *,
    key: jax.Array | None = None,
) -> jax.Array:
    """leaky_relu whose slope is drawn from [lower, upper] for each element in training, else their mean.

    torch.nn.functional.rrelu (B. Xu et al., "Empirical Evaluation of Rectified Activations in Convolutional Network",
    2015). `key` is needed in training.
    """
    low, high = number("lower", lower), number("upper", upper)
    for name, end in (("lower", low), ("upper", high)):
        if not math.isfinite(end):
            raise ValueError(f"`{name}` (={end}) must be finite")
    if low > high:
        raise ValueError(f"`lower` (={lower}) must not be greater than `upper` (={upper})")
    if not training:
        return leaky_relu(input, (low + high) / 2)
    if key is None:
        raise ValueError("rrelu draws random numbers in training and needs `key`, such as jax.random.key(0)")

    def draw(x: jax.Array) -> jax.Array:
        slope = jax.random.uniform(key, x.shape, x.dtype, low, high)
        return jnp.where(x > 0, x, x * slope)

    return _floating("rrelu", input, draw)


def elu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> jax.Array:
    """x where it is positive, else alpha * (exp(x) - 1) (D.-A. Clevert et al., 2016; torch.nn.functional.elu)."""
    a = number("alpha", alpha)
    return _floating("elu", input, lambda x: jnp.where(x > 0, x, a * _expm1(_not_positive(x))))


# JAX's derivative of expm1 is expm1(x) + 1, that of logaddexp exp(x - logaddexp(x, 0)): both lose the tail's digits.
@jax.custom_jvp
def _expm1(x: jax.Array) -> jax.Array:
    return jnp.expm1(x)


@_expm1.defjvp
def _expm1_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _expm1(*primals), tangents[0] * jnp.exp(*primals)


def _not_positive(x: jax.Array) -> jax.Array:
    # A positive x is not used; the overflow of its exponential would still reach the gradient as 0 * inf.
    return jnp.where(x > 0, jnp.zeros_like(x), x)


def selu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """scale * elu(x, alpha), with the constants that keep mean and variance (G. Klambauer et al., 2017)."""

    def function(x: jax.Array) -> jax.Array:
        return jnp.where(x > 0, _SELU_SCALE * x, _SELU_SCALE * _SELU_ALPHA * _expm1(_not_positive(x)))

    return _floating("selu", input, function)


def celu(input: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> jax.Array:
    """x where it is positive, else alpha * (exp(x / alpha) - 1) (J. T. Barron, 2017; torch.nn.functional.celu)."""
    a = number("alpha", alpha)
    if isinstance(a, int | float) and a == 0:
        raise ValueError("`alpha` (=0) cannot be 0 for CELU")
    return _floating("celu", input, lambda x: jnp.where(x > 0, x, a * _expm1(_not_positive(x) / a)))


def gelu(input: ArrayLike, approximate: Approximation = "none") -> jax.Array:
    """x * Phi(x), Phi the normal distribution (D. Hendrycks and K. Gimpel, 2016; torch.nn.functional.gelu).

    Args:
        input: floating.
        approximate: 'none', or 'tanh' for 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"`approximate` (={approximate!r}) must be 'none' or 'tanh'")

    def function(x: jax.Array) -> jax.Array:
        if approximate == "none":
            return x * 0.5 * (1 + jax.lax.erf(x * math.sqrt(0.5)))
        return 0.5 * x * (1 + jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))))

    return _floating("gelu", input, function)


def silu(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """x * sigmoid(x), of floating and complex arrays (torch.nn.functional.silu)."""
    return _inexact("silu", input, lambda x: x * jax.nn.sigmoid(x), jnp.bool_, jnp.integer)


def mish(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """x * tanh(softplus(x)) (D. Misra, 2019; torch.nn.functional.mish)."""
    return _floating("mish", input, lambda x: x * jnp.tanh(_softplus(x)))


def hardswish(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """x * min(max(x + 3, 0), 6) / 6 (A. Howard et al., "Searching for MobileNetV3", 2019)."""

    def function(x: jax.Array) -> jax.Array:
        # What is not chosen must not overflow: its derivative would be 0 * inf.
        inside = jnp.where(jnp.abs(x) >= 3, jnp.zeros_like(x), x)
        return jnp.where(x <= -3, x * 0, jnp.where(x >= 3, x, inside * (inside + 3) / 6))

    return _floating("hardswish", input, function)


def hardsigmoid(input: ArrayLike, inplace: bool = False) -> jax.Array:
    """min(max(x + 3, 0), 6) / 6; the derivative at both ends is 0 (torch.nn.functional.hardsigmoid)."""

    return _floating("hardsigmoid", input, lambda x: _clamped((x + 3) / 6, 0, 1))


def hardshrink(input: ArrayLike, lambd: float = 0.5) -> jax.Array:
    """x where it is outside [-lambd, lambd], else 0 (torch.nn.functional.hardshrink)."""
    limit = number("lambd", lambd)

    def function(x: jax.Array) -> jax.Array:
        return jnp.where((x >= -limit) & (x <= limit), jnp.zeros_like(x), x)

    return _floating("hardshrink", input, function)


def softshrink(input: ArrayLike, lambd: float = 0.5) -> jax.Array:
    """x moved by lambd towards 0, which it does not pass (torch.nn.functional.softshrink). lambd is not negative."""
    limit = number("lambd", lambd)
    if isinstance(limit, int | float) and not limit >= 0:
        raise ValueError(f"`lambd` (={lambd}) must be greater or equal to 0")
    return _floating(
        "softshrink",
        input,
        lambda x: jnp.where(x > limit, x - limit, jnp.where(x < -limit, x + limit, x * 0)),
    )


def tanhshrink(input: ArrayLike) -> jax.Array:
    """x - tanh(x), of any array but of booleans (torch.nn.functional.tanhshrink)."""
    return _inexact("tanhshrink", input, lambda x: x - jnp.tanh(x), jnp.bool_)


@jax.custom_jvp
def _softplus(x: jax.Array) -> jax.Array:
    """log(1 + exp(x)) without overflow."""
    return jnp.logaddexp(x, jnp.zeros_like(x))


@_softplus.defjvp
def _softplus_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    return _softplus(*primals), tangents[0] * jax.nn.sigmoid(*primals)


def softplus(input: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold (torch.nn.functional.softplus)."""
    b, limit = number("beta", beta), number("threshold", threshold)

    def function(x: jax.Array) -> jax.Array:
        return jnp.where(x * b > limit, x, _softplus(x * b) / b)

    return _floating("softplus", input, function)


def softsign(input: ArrayLike) -> jax.Array:
    """x / (1 + |x|), of any array but of booleans (torch.nn.functional.softsign)."""
    return _inexact("softsign", input, lambda x: x / (jnp.abs(x) + 1), jnp.bool_)


def sigmoid(input: ArrayLike) -> jax.Array:
    """1 / (1 + exp(-x)), of any array (torch.nn.functional.sigmoid)."""
    return _inexact("sigmoid", input, jax.nn.sigmoid)


def logsigmoid(input: ArrayLike) -> jax.Array:
    """log(sigmoid(x)) (torch.nn.functional.logsigmoid)."""
    return _floating("logsigmoid", input, lambda x: -_softplus(-x))


def tanh(input: ArrayLike) -> jax.Array:
    """The hyperbolic tangent, of any array (torch.nn.functional.tanh)."""
    return _inexact("tanh", input, jnp.tanh)
