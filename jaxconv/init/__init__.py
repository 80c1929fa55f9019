"""torch.nn.init's distributions as JAX initialisers: `kaiming_normal(mode="fan_out")(key, shape, dtype)`.

Each name is torch's without the underscore, with torch's arguments, order and defaults; calling it gives what
Flax takes as `weight_init` or `kernel_init`: (key, shape, dtype=float32, out_sharding=None) -> array. Those
that do not draw ignore `key`. Shapes are in torch's layout, (out_channels, in_channels / groups, *kernel):
in Flax's own layers, which are laid out the other way round, fan in and fan out swap.

Those that draw take float16, bfloat16, float32, float64 and, where torch does, complex64 and complex128; the
others take any dtype. Half precision is drawn in float32 and rounded. Complex numbers are drawn as in torch:
real and imaginary part alike, and normal ones with std / sqrt(2) each.

In the place of `key` they take a `TorchStream` too, `rngs.params()` of `jaxconv.TorchRngs(seed)`: then the numbers
are torch's own after `torch.manual_seed(seed)`, bit for bit.

Arguments are checked at once, by what is listed under each name; the array's dtype (TypeError) and shape, and
whether the dtype can hold the values (ValueError), when it is made. Of size 0, it is simply empty, as with
torch's kaiming_uniform_, whatever its number of dimensions.
"""

import math
from collections.abc import Callable
from numbers import Complex
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random
from jax.nn.initializers import Initializer

from jaxconv._args import integer, positive
from jaxconv._examples import document as _document
from jaxconv._examples.init import INIT as _INIT
from jaxconv.init._base import DRAWN, REAL, check, in_few_sizes, initializer
from jaxconv.init._scale import calculate_gain, fans, kaiming_std
from jaxconv.init._torch_stream import TorchStream
from jaxconv.init._truncated import clip, tail, torch_trunc_normal

# fmt: off
__all__ = [
    "TorchStream", "calculate_gain", "constant", "conv_bias", "dirac", "eye", "kaiming_normal",
    "kaiming_uniform", "normal", "ones", "orthogonal", "sparse", "trunc_normal", "uniform", "xavier_normal",
    "xavier_uniform", "zeros",
]
# fmt: on


def zeros() -> Initializer:
    """All zeros, in any dtype (torch.nn.init.zeros_)."""
    return constant(0)


def ones() -> Initializer:
    """All ones, in any dtype (torch.nn.init.ones_)."""
    return constant(1)


def constant(val: complex) -> Initializer:
    """All `val` (torch.nn.init.constant_). As in torch, an integer dtype truncates a fraction.

    Raises:
        TypeError: `val` is not a number (an array is not one: see `jaxconv.surgery.update`).
    """
    if not isinstance(val, Complex | np.bool_):
        raise TypeError(f"`val` (={val!r}) must be a number, got {type(val).__name__}")

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if jnp.issubdtype(dtype, jnp.bool_):
            return jnp.full(shape, bool(val))
        if not _holds(dtype, val):
            raise ValueError(f"`val` (={val!r}) cannot be represented in dtype {dtype}")
        return jnp.full(shape, val if jnp.issubdtype(dtype, jnp.complexfloating) else val.real, dtype)

    return initializer(fill)


def uniform(a: float = 0.0, b: float = 1.0) -> Initializer:
    """Uniform in [a, b), also after rounding to a half precision (torch.nn.init.uniform_).

    Raises:
        TypeError: a bound is not a number.
        ValueError: `a` > `b`, or not finite.
    """
    check(
        ("a", a, f"a finite number of at most `b` (={b!r})", lambda v: math.isfinite(v) and not v > b),
        ("b", b, "a finite number", math.isfinite),
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if max(abs(a), abs(b), b - a) > float(jnp.finfo(dtype).max):
            raise ValueError(f"`a` (={a}), `b` (={b}) and b - a must be within the range of dtype {dtype}")
        if isinstance(key, TorchStream):
            return jnp.asarray(key.uniform(shape, dtype, a, b), dtype)
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return lax.complex(*fill(key, (2, *shape), jnp.finfo(dtype).dtype))

        def draw(shape: tuple[int, ...]) -> jax.Array:
            x = random.uniform(key, shape, jnp.promote_types(dtype, jnp.float32)) * (b - a) + a
            return clip(x.astype(dtype), a, b)

        return in_few_sizes(draw, key, shape)

    return initializer(fill, DRAWN)


def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Normal (torch.nn.init.normal_).

    Raises:
        TypeError: an argument is not a number.
        ValueError: `std` is negative or NaN.
    """
    check(
        ("mean", mean, "a number", lambda v: True), ("std", std, "a number of at least 0", lambda v: v >= 0)
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if isinstance(key, TorchStream):
            return jnp.asarray(key.normal(shape, dtype, mean, std), dtype)
        # As in torch, a complex number's std is its own, but its mean is that of each part.
        centre = mean * (1 + 1j) if jnp.issubdtype(dtype, jnp.complexfloating) else mean

        def draw(shape: tuple[int, ...]) -> jax.Array:
            x = random.normal(key, shape, jnp.promote_types(dtype, jnp.float32))
            return (x * std + centre).astype(dtype)

        return in_few_sizes(draw, key, shape)

    return initializer(fill, DRAWN)


def trunc_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """Normal, truncated to [a, b]: absolute bounds, not multiples of `std` (torch.nn.init.trunc_normal_).

    Exact for any bounds, also far from the mean, where torch warns that it may be wrong.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `mean` or `std` is not finite, `std` is not positive, `a` > `b`, or a bound is NaN or
            leaves out everything.
    """
    check(
        ("mean", mean, "a finite number", math.isfinite),
        ("std", std, "a finite number above 0", lambda v: 0 < v < math.inf),
        ("a", a, f"a number of at most `b` (={b!r}), not +inf", lambda v: v < math.inf and not v > b),
        ("b", b, "a number, not -inf", lambda v: v > -math.inf),
    )
    low, high = (a - mean) / std, (b - mean) / std

    def draw(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if isinstance(key, TorchStream):
            return jnp.asarray(torch_trunc_normal(key, shape, dtype, mean, std, a, b), dtype)
        wide = jnp.promote_types(dtype, jnp.float32)
        # 1 + erf is twice the distribution function; its inverse is exact enough where much of the mass is.
        below, above = math.erf(low / math.sqrt(2)), math.erf(high / math.sqrt(2))
        if above - below > 0.6:
            # Not -1 itself, which jax.random.truncated_normal draws now and then: its inverse is -inf.
            u = random.uniform(key, shape, wide, max(below, float(jnp.finfo(wide).epsneg) - 1), above)
            x = lax.erf_inv(u) * (math.sqrt(2) * std) + mean
        elif high < 0 or (low < 0 and -low > high):
            x = b - std * tail(key, shape, wide, -high, -low)
        else:
            x = a + std * tail(key, shape, wide, low, high)
        return clip(x.astype(dtype), a, b, closed=True)

    return initializer(draw, REAL)


def eye() -> Initializer:
    """The identity matrix, cut or filled with zeros where not square (torch.nn.init.eye_)."""

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(f"eye needs a shape of 2 dimensions, got {shape}")
        return jnp.eye(*shape, dtype=dtype)

    return initializer(fill)


def dirac(groups: int = 1) -> Initializer:
    """A convolution kernel that passes its input on, as many channels as there are (torch.nn.init.dirac_).

    Raises:
        TypeError: `groups` is not an int.
        ValueError: `groups` is not positive.
    """
    groups = positive("groups", groups)

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) not in (3, 4, 5):
            raise ValueError(f"dirac needs a shape of 3, 4 or 5 dimensions, got {shape}")
        if shape[0] % groups:
            raise ValueError(f"`shape[0]` (={shape[0]}) must be divisible by `groups` (={groups})")
        out = np.arange(shape[0])
        channel = out % (shape[0] // groups)
        out, channel = out[channel < shape[1]], channel[channel < shape[1]]
        return jnp.zeros(shape, dtype).at[out, channel, *(k // 2 for k in shape[2:])].set(True)

    return initializer(fill)


def xavier_uniform(gain: float = 1.0) -> Initializer:
    """Uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010; xavier_uniform_ in torch).

    Raises:
        TypeError: `gain` is not a number.
        ValueError: `gain` is negative or NaN.
    """
    check(("gain", gain, "a number of at least 0", lambda v: v >= 0))
    return _scaled(lambda shape: gain * math.sqrt(2 / sum(fans(shape))), _symmetric)


def xavier_normal(gain: float = 1.0) -> Initializer:
    """Normal with std = gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010; xavier_normal_ in torch).

    Errors are those of `xavier_uniform`.
    """
    check(("gain", gain, "a number of at least 0", lambda v: v >= 0))
    return _scaled(lambda shape: gain * math.sqrt(2 / sum(fans(shape))), lambda std: normal(0.0, std))


def kaiming_uniform(a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """Uniform within gain * sqrt(3 / fan) (He et al. 2015; torch.nn.init.kaiming_uniform_).

    Args:
        a: the negative slope of 'leaky_relu', see `calculate_gain`.
        mode: 'fan_in', which keeps the variance forward, or 'fan_out', which keeps it backward.
        nonlinearity: see `calculate_gain`.

    Raises:
        ValueError: an unknown mode or nonlinearity, a slope that is no number.
    """
    return _scaled(kaiming_std(a, mode, nonlinearity), _symmetric)


def kaiming_normal(a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """Normal with std = gain / sqrt(fan) (He et al. 2015; torch.nn.init.kaiming_normal_).

    Arguments and errors are those of `kaiming_uniform`.
    """
    return _scaled(kaiming_std(a, mode, nonlinearity), lambda std: normal(0.0, std))


def orthogonal(gain: float = 1) -> Initializer:
    """A (semi-)orthogonal matrix (Saxe et al. 2013; torch.nn.init.orthogonal_).

    Dimensions after the first are flattened. Uniform among all such matrices: signs by Mezzadri 2007 (arXiv
    math-ph/0609050). Half precision, which torch has no QR for, is rounded from float32. From a `TorchStream` it is
    torch's matrix but for the rounding of the QR.

    Raises:
        TypeError: `gain` is not a number.
    """
    check(("gain", gain, "a number", lambda v: True))

    def draw(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ValueError(f"orthogonal needs a shape of at least 2 dimensions, got {shape}")
        rows, cols = shape[0], math.prod(shape[1:])
        wide = jnp.promote_types(dtype, jnp.float32)
        if isinstance(key, TorchStream):
            x = jnp.asarray(key.normal((rows, cols), wide, 0.0, 1.0), wide)
            x = x.T if rows < cols else x
        else:
            x = random.normal(key, (max(rows, cols), min(rows, cols)), wide)
        q, r = jnp.linalg.qr(x)
        q = q * jnp.where(jnp.diag(r) < 0, -1, 1)
        return (gain * (q.T if rows < cols else q)).reshape(shape).astype(dtype)

    return initializer(draw, REAL)


def sparse(sparsity: float, std: float = 0.01) -> Initializer:
    """A normal matrix with ceil(sparsity * rows) zeros in each column (Martens 2010; torch.nn.init.sparse_).

    Raises:
        TypeError: an argument is not a number.
        ValueError: `sparsity` is not in [0, 1] (torch takes others, without meaning); `std` is negative
            or NaN.
    """
    check(
        ("sparsity", sparsity, "a number between 0 and 1", lambda v: 0 <= v <= 1),
        ("std", std, "a number of at least 0", lambda v: v >= 0),
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(f"sparse needs a shape of 2 dimensions, got {shape}")
        rows, cols = shape
        blank = math.ceil(sparsity * rows)
        if isinstance(key, TorchStream):
            x = key.normal(shape, dtype, 0.0, std)
            for column in range(cols):
                x[key.permutation(rows)[:blank], column] = 0
            return jnp.asarray(x, dtype)
        values, places = random.split(key)
        zero = jnp.broadcast_to(jnp.arange(rows)[:, None] < blank, (rows, cols))
        zero = random.permutation(places, zero, axis=0, independent=True)
        return jnp.where(zero, 0, normal(0.0, std)(values, shape, dtype))

    return initializer(fill, DRAWN)


def conv_bias(fan_in: int) -> Initializer:
    """torch's default for a layer's bias: uniform within 1 / sqrt(fan_in), or 0 (Conv2d.reset_parameters).

    Args:
        fan_in: the weight's, which a bias does not know: weight.shape[1] * prod(kernel_size). 0 gives zeros.

    Raises:
        TypeError: `fan_in` is not an int.
        ValueError: `fan_in` is negative.
    """
    if (fan_in := integer("fan_in", fan_in)) < 0:
        raise ValueError(f"`fan_in` (={fan_in}) must be at least 0")
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return uniform(-bound, bound)


def _symmetric(std: float) -> Initializer:
    """Uniform around 0 with that standard deviation."""
    return uniform(-math.sqrt(3) * std, math.sqrt(3) * std)


def _scaled(
    std: Callable[[tuple[int, ...]], float], distribution: Callable[[float], Initializer]
) -> Initializer:
    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        return distribution(std(shape))(key, shape, dtype)

    return initializer(fill, DRAWN)


def _holds(dtype: Any, val: Any) -> bool:
    """Whether a number has a place in `dtype`, rounded or truncated."""
    if val.imag and not jnp.issubdtype(dtype, jnp.complexfloating):
        return False
    if jnp.issubdtype(dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        return math.isfinite(val.real) and int(info.min) <= int(val.real) <= int(info.max)
    greatest = float(jnp.finfo(dtype).max)
    return all(not math.isfinite(part) or abs(part) <= greatest for part in (val.real, val.imag))


conv_weight: Initializer = kaiming_uniform(a=math.sqrt(5))
"""torch's default for a layer's weight, uniform within 1 / sqrt(fan_in) (Conv2d.reset_parameters)."""


_document(globals(), _INIT)
