"""torch.nn.init's distributions as JAX initialisers: `kaiming_normal(mode="fan_out")(key, shape, dtype)`.

Each name is torch's without the underscore, with torch's arguments, order and defaults; calling it gives what
Flax takes as `weight_init` or `kernel_init`: (key, shape, dtype=float32, out_sharding=None) -> array. Those
that do not draw ignore `key`. Shapes are in torch's layout, (out_channels, in_channels / groups, *kernel):
in Flax's own layers, which are laid out the other way round, fan in and fan out swap.

Those that draw take float16, bfloat16, float32, float64 and, where torch does, complex64 and complex128; the
others take any dtype. Half precision is drawn in float32 and rounded. Complex numbers are drawn as in torch:
real and imaginary part alike, and normal ones with std / sqrt(2) each.

Arguments are checked at once, by what is listed under each name; the array's dtype (TypeError) and shape, and
whether the dtype can hold the values (ValueError), when it is made. Of size 0, it is simply empty, as with
torch's kaiming_uniform_, whatever its number of dimensions.
"""

import math
from collections.abc import Callable, Sequence
from numbers import Complex, Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random
from jax.nn.initializers import Initializer

from jaxconv._spec import integer

_Draw = Callable[[Any, tuple[int, ...], Any], jax.Array]

_REAL = ("float16", "bfloat16", "float32", "float64")
_DRAWN = (*_REAL, "complex64", "complex128")

# torch.nn.init.calculate_gain's table; 'leaky_relu' is computed.
_LINEAR = ("linear", "sigmoid", *(f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)))
_GAINS = dict.fromkeys(_LINEAR, 1.0) | {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The gain that keeps the variance through a nonlinearity (torch.nn.init.calculate_gain's table).

    Args:
        nonlinearity: 'linear', 'conv{1,2,3}d', 'conv_transpose{1,2,3}d', 'sigmoid', 'tanh', 'relu',
            'leaky_relu' or 'selu'.
        param: the negative slope of 'leaky_relu', None for 0.01; the others do not look at it, as in torch.

    Raises:
        ValueError: another nonlinearity; a slope that is not a number.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, Real) or math.isnan(slope):
            raise ValueError(f"the negative slope of 'leaky_relu' (={slope!r}) must be a number")
        return math.sqrt(2 / (1 + float(slope) ** 2))
    if nonlinearity not in _GAINS:
        known = ", ".join(map(repr, (*_GAINS, "leaky_relu")))
        raise ValueError(f"`nonlinearity` (={nonlinearity!r}) must be one of {known}")
    return _GAINS[nonlinearity]


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
            raise ValueError(f"`val` (={val!r}) cannot be held by dtype {dtype}")
        return jnp.full(shape, val if jnp.issubdtype(dtype, jnp.complexfloating) else val.real, dtype)

    return _initializer(fill)


def uniform(a: float = 0.0, b: float = 1.0) -> Initializer:
    """Uniform in [a, b), also after rounding to a half precision (torch.nn.init.uniform_).

    Raises:
        TypeError: a bound is not a number.
        ValueError: `a` > `b`, or not finite.
    """
    _check(
        ("a", a, f"a finite number of at most `b` (={b!r})", lambda v: math.isfinite(v) and not v > b),
        ("b", b, "a finite number", math.isfinite),
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return lax.complex(*fill(key, (2, *shape), jnp.finfo(dtype).dtype))
        if max(abs(a), abs(b), b - a) > float(jnp.finfo(dtype).max):
            raise ValueError(f"`a` (={a}), `b` (={b}) and b - a must be within the range of dtype {dtype}")
        x = random.uniform(key, shape, jnp.promote_types(dtype, jnp.float32)) * (b - a) + a
        return _clip(x.astype(dtype), a, b)

    return _initializer(fill, _DRAWN)


def normal(mean: float = 0.0, std: float = 1.0) -> Initializer:
    """Normal (torch.nn.init.normal_).

    Raises:
        TypeError: an argument is not a number.
        ValueError: `std` is negative or NaN.
    """
    _check(
        ("mean", mean, "a number", lambda v: True), ("std", std, "a number of at least 0", lambda v: v >= 0)
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        # As in torch, a complex number's std is its own, but its mean is that of each part.
        centre = mean * (1 + 1j) if jnp.issubdtype(dtype, jnp.complexfloating) else mean
        x = random.normal(key, shape, jnp.promote_types(dtype, jnp.float32))
        return (x * std + centre).astype(dtype)

    return _initializer(fill, _DRAWN)


def trunc_normal(mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Initializer:
    """Normal, truncated to [a, b]: absolute bounds, not multiples of `std` (torch.nn.init.trunc_normal_).

    Exact for any bounds, also far from the mean, where torch warns that it may be wrong.

    Raises:
        TypeError: an argument is not a number.
        ValueError: `mean` or `std` is not finite, `std` is not positive, `a` > `b`, or a bound is NaN or
            leaves out everything.
    """
    _check(
        ("mean", mean, "a finite number", math.isfinite),
        ("std", std, "a finite number above 0", lambda v: 0 < v < math.inf),
        ("a", a, f"a number of at most `b` (={b!r}), not +inf", lambda v: v < math.inf and not v > b),
        ("b", b, "a number, not -inf", lambda v: v > -math.inf),
    )
    low, high = (a - mean) / std, (b - mean) / std

    def draw(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        wide = jnp.promote_types(dtype, jnp.float32)
        # 1 + erf is twice the distribution function; its inverse is exact enough where much of the mass is.
        below, above = math.erf(low / math.sqrt(2)), math.erf(high / math.sqrt(2))
        if above - below > 0.6:
            # Not -1 itself, which jax.random.truncated_normal draws now and then: its inverse is -inf.
            u = random.uniform(key, shape, wide, max(below, float(jnp.finfo(wide).epsneg) - 1), above)
            x = lax.erf_inv(u) * (math.sqrt(2) * std) + mean
        elif high < 0 or (low < 0 and -low > high):
            x = b - std * _tail(key, shape, wide, -high, -low)
        else:
            x = a + std * _tail(key, shape, wide, low, high)
        return _clip(x.astype(dtype), a, b, closed=True)

    return _initializer(draw, _REAL)


def eye() -> Initializer:
    """The identity matrix, cut or filled with zeros where not square (torch.nn.init.eye_)."""

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(f"eye needs a shape of 2 dimensions, got {shape}")
        return jnp.eye(*shape, dtype=dtype)

    return _initializer(fill)


def dirac(groups: int = 1) -> Initializer:
    """A convolution kernel that passes its input on, as many channels as there are (torch.nn.init.dirac_).

    Raises:
        TypeError: `groups` is not an int.
        ValueError: `groups` is not positive.
    """
    if (groups := integer("groups", groups)) < 1:
        raise ValueError(f"`groups` (={groups}) must be positive")

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) not in (3, 4, 5):
            raise ValueError(f"dirac needs a shape of 3, 4 or 5 dimensions, got {shape}")
        if shape[0] % groups:
            raise ValueError(f"`shape[0]` (={shape[0]}) must be divisible by `groups` (={groups})")
        out = np.arange(shape[0])
        channel = out % (shape[0] // groups)
        out, channel = out[channel < shape[1]], channel[channel < shape[1]]
        return jnp.zeros(shape, dtype).at[out, channel, *(k // 2 for k in shape[2:])].set(True)

    return _initializer(fill)


def xavier_uniform(gain: float = 1.0) -> Initializer:
    """Uniform within gain * sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010; xavier_uniform_ in torch).

    Raises:
        TypeError: `gain` is not a number.
        ValueError: `gain` is negative or NaN.
    """
    _check(("gain", gain, "a number of at least 0", lambda v: v >= 0))
    return _scaled(lambda shape: gain * math.sqrt(2 / sum(_fans(shape))), _symmetric)


def xavier_normal(gain: float = 1.0) -> Initializer:
    """Normal with std = gain * sqrt(2 / (fan_in + fan_out)) (Glorot & Bengio 2010; xavier_normal_ in torch).

    Errors are those of `xavier_uniform`.
    """
    _check(("gain", gain, "a number of at least 0", lambda v: v >= 0))
    return _scaled(lambda shape: gain * math.sqrt(2 / sum(_fans(shape))), lambda std: normal(0.0, std))


def kaiming_uniform(a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """Uniform within gain * sqrt(3 / fan) (He et al. 2015; torch.nn.init.kaiming_uniform_).

    Args:
        a: the negative slope of 'leaky_relu', see `calculate_gain`.
        mode: 'fan_in', which keeps the variance forward, or 'fan_out', which keeps it backward.
        nonlinearity: see `calculate_gain`.

    Raises:
        ValueError: an unknown mode or nonlinearity, a slope that is no number.
    """
    return _scaled(_kaiming_std(a, mode, nonlinearity), _symmetric)


def kaiming_normal(a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Initializer:
    """Normal with std = gain / sqrt(fan) (He et al. 2015; torch.nn.init.kaiming_normal_).

    Arguments and errors are those of `kaiming_uniform`.
    """
    return _scaled(_kaiming_std(a, mode, nonlinearity), lambda std: normal(0.0, std))


def orthogonal(gain: float = 1) -> Initializer:
    """A (semi-)orthogonal matrix (Saxe et al. 2013; torch.nn.init.orthogonal_).

    Dimensions after the first are flattened. Uniform among all such matrices: signs by Mezzadri 2007 (arXiv
    math-ph/0609050). Half precision, which torch has no QR for, is rounded from float32.

    Raises:
        TypeError: `gain` is not a number.
    """
    _check(("gain", gain, "a number", lambda v: True))

    def draw(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) < 2:
            raise ValueError(f"orthogonal needs a shape of at least 2 dimensions, got {shape}")
        rows, cols = shape[0], math.prod(shape[1:])
        tall = (max(rows, cols), min(rows, cols))
        q, r = jnp.linalg.qr(random.normal(key, tall, jnp.promote_types(dtype, jnp.float32)))
        q = q * jnp.where(jnp.diag(r) < 0, -1, 1)
        return (gain * (q.T if rows < cols else q)).reshape(shape).astype(dtype)

    return _initializer(draw, _REAL)


def sparse(sparsity: float, std: float = 0.01) -> Initializer:
    """A normal matrix with ceil(sparsity * rows) zeros in each column (Martens 2010; torch.nn.init.sparse_).

    Raises:
        TypeError: an argument is not a number.
        ValueError: `sparsity` is not in [0, 1] (torch takes others, without meaning); `std` is negative
            or NaN.
    """
    _check(
        ("sparsity", sparsity, "a number between 0 and 1", lambda v: 0 <= v <= 1),
        ("std", std, "a number of at least 0", lambda v: v >= 0),
    )

    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        if len(shape) != 2:
            raise ValueError(f"sparse needs a shape of 2 dimensions, got {shape}")
        rows, cols = shape
        values, places = random.split(key)
        zero = jnp.broadcast_to(jnp.arange(rows)[:, None] < math.ceil(sparsity * rows), (rows, cols))
        zero = random.permutation(places, zero, axis=0, independent=True)
        return jnp.where(zero, 0, normal(0.0, std)(values, shape, dtype))

    return _initializer(fill, _DRAWN)


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


def _initializer(fill: _Draw, dtypes: Sequence[str] = ()) -> Initializer:
    """`fill` as an initialiser, for the given dtypes or for all."""

    def init(key: Any, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        # JAX's own initialisers take None as the default; NumPy would take it as float64.
        dtype = jnp.dtype(jnp.float32 if dtype is None else dtype)
        if dtypes and dtype.name not in dtypes:
            raise TypeError(f"`dtype` (={dtype}) must be one of {', '.join(dtypes)}")
        x = jnp.zeros(shape, dtype) if 0 in shape else fill(key, tuple(shape), dtype)
        return x if out_sharding is None else jax.sharding.reshard(x, out_sharding)

    return init


def _tail(key: Any, shape: tuple[int, ...], dtype: Any, low: float, high: float) -> jax.Array:
    """z - low for a standard normal z in [low, high], which has little mass and lies mostly or all above 0.

    Rejection from an exponential of rate max(low, 0), cut at `high` (Robert 1995, Simulation of truncated
    normal variables, with a simpler rate). About half or more are accepted.
    """
    rate, width = max(low, 0.0), high - low

    def step(state: Any) -> Any:
        key, t, done = state
        key, now = random.split(key)
        place, chance = random.uniform(now, (2, *shape), dtype)
        # `place` is below 1: of an infinite width, too, every proposal is finite.
        new = -jnp.log1p(place * math.expm1(-rate * width)) / rate if rate * width > 1e-6 else place * width
        z = new + (low - rate)  # the density divided by the proposal's is exp(-z**2 / 2) times a constant
        return key, jnp.where(done, t, new), done | (chance <= jnp.exp(-z * z / 2))

    start = (key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool))
    return lax.while_loop(lambda state: ~state[2].all(), step, start)[1]


def _clip(x: jax.Array, a: float, b: float, closed: bool = False) -> jax.Array:
    """`x` within what its dtype has of [a, b), or of [a, b] if closed; `a`, rounded, where it has nothing."""
    low, high = np.asarray(a, x.dtype), np.asarray(b, x.dtype)
    # Through float: NumPy would round the Python number to the array's dtype first.
    if float(low) < a:
        low = np.nextafter(low, np.asarray(np.inf, x.dtype))
    if float(high) > b or (float(high) == b and not closed):
        high = np.nextafter(high, np.asarray(-np.inf, x.dtype))
    return jnp.clip(x, low, high) if low <= high else jnp.full_like(x, a)


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) < 2:
        raise ValueError(f"fan in and fan out need a shape of at least 2 dimensions, got {shape}")
    # shape[1] is in_channels / groups already.
    return math.prod(shape[1:]), shape[0] * math.prod(shape[2:])


def _kaiming_std(a: Any, mode: Any, nonlinearity: Any) -> Callable[[tuple[int, ...]], float]:
    problems, gain = [], 0.0
    try:
        gain = calculate_gain(nonlinearity, a)
    except ValueError as error:
        problems.append(str(error))
    if (mode := str(mode).lower()) not in ("fan_in", "fan_out"):
        problems.append(f"`mode` (={mode!r}) must be 'fan_in' or 'fan_out'")
    if problems:
        raise ValueError("; ".join(problems))
    return lambda shape: gain / math.sqrt(_fans(shape)[mode == "fan_out"])


def _symmetric(std: float) -> Initializer:
    """Uniform around 0 with that standard deviation."""
    return uniform(-math.sqrt(3) * std, math.sqrt(3) * std)


def _scaled(
    std: Callable[[tuple[int, ...]], float], distribution: Callable[[float], Initializer]
) -> Initializer:
    def fill(key: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
        return distribution(std(shape))(key, shape, dtype)

    return _initializer(fill, _DRAWN)


def _holds(dtype: Any, val: Any) -> bool:
    """Whether a number has a place in `dtype`, rounded or truncated."""
    if val.imag and not jnp.issubdtype(dtype, jnp.complexfloating):
        return False
    if jnp.issubdtype(dtype, jnp.integer):
        info = jnp.iinfo(dtype)
        return math.isfinite(val.real) and int(info.min) <= int(val.real) <= int(info.max)
    greatest = float(jnp.finfo(dtype).max)
    return all(not math.isfinite(part) or abs(part) <= greatest for part in (val.real, val.imag))


def _check(*rules: tuple[str, Any, str, Callable[[Any], bool]]) -> None:
    """Raises all broken rules (name, value, what it must be, test) as one error; first those of type."""
    wrong = [rule for rule in rules if not isinstance(rule[1], Real)]
    if broken := wrong or [rule for rule in rules if not rule[3](rule[1])]:
        text = "; ".join(f"`{name}` (={value!r}) must be {what}" for name, value, what, _ in broken)
        raise TypeError(text) if wrong else ValueError(text)


conv_weight: Initializer = kaiming_uniform(a=math.sqrt(5))
"""torch's default for a layer's weight, uniform within 1 / sqrt(fan_in) (Conv2d.reset_parameters)."""
