"""Numbers within bounds: rounded into them, from the tail of a normal distribution, and as torch draws them."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random

from jaxconv.init._torch_stream import TorchStream


def clip(x: jax.Array, a: float, b: float, closed: bool = False) -> jax.Array:
    """`x` within what its dtype has of [a, b), or of [a, b] if closed; `a`, rounded, where it has nothing."""
    low, high = np.asarray(a, x.dtype), np.asarray(b, x.dtype)
    # Through float: NumPy would round the Python number to the array's dtype first.
    if float(low) < a:
        low = np.nextafter(low, np.asarray(np.inf, x.dtype))
    if float(high) > b or (float(high) == b and not closed):
        high = np.nextafter(high, np.asarray(-np.inf, x.dtype))
    return jnp.clip(x, low, high) if low <= high else jnp.full_like(x, a)


def tail(key: Any, shape: tuple[int, ...], dtype: Any, low: float, high: float) -> jax.Array:
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


def torch_trunc_normal(
    stream: TorchStream, shape: tuple[int, ...], dtype: Any, mean: float, std: float, a: float, b: float
) -> np.ndarray:
    """torch.nn.init.trunc_normal_ (2.13): normal numbers, or uniform ones where few would fit, until all are accepted.

    Bit for bit, but that a logarithm rounded otherwise may once in millions of times accept another number.
    """
    low, high = (math.erf((bound - mean) / std / math.sqrt(2)) for bound in (a, b))
    if (high - low) / 2 > 0.3:
        least, most = np.asarray(a, dtype), np.asarray(b, dtype)
        x = stream.normal(shape, dtype, mean, std)
        while (outside := (x < least) | (x > most)).any():
            x = np.where(outside, stream.normal(shape, dtype, mean, std), x)
        return x
    if not (math.isfinite(a) and math.isfinite(b)):
        raise ValueError(
            f"`a` (={a}) and `b` (={b}) must be finite if less than 30 % of the normal distribution lies between them"
        )
    wide: Any = np.float64 if dtype == np.float64 else np.float32
    peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    x, pending = np.zeros(shape, dtype), np.ones(shape, bool)
    while pending.any():
        new = stream.uniform(shape, dtype, a, b)
        x = np.where(pending, new, x)
        # Each step in the array's dtype, as torch has it.
        z = (new.astype(wide) - wide(mean)).astype(dtype)
        z = (z.astype(wide) / wide(std)).astype(dtype)
        z = (z * z * np.asarray(-0.5, dtype)).astype(wide)
        density = (z - wide(peak)).astype(dtype)
        with np.errstate(divide="ignore"):  # log(0)
            chance = np.log(stream.uniform(shape, dtype, 0.0, 1.0), dtype=np.float64)
        pending &= chance.astype(wide).astype(dtype) > density
    return x
