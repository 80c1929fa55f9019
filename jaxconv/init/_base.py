"""What all initialisers share: how they are called, and how their arguments are judged."""

import math
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn.initializers import Initializer

Draw = Callable[[Any, tuple[int, ...], Any], jax.Array]

REAL = ("float16", "bfloat16", "float32", "float64")
DRAWN = (*REAL, "complex64", "complex128")


def initializer(fill: Draw, dtypes: Sequence[str] = ()) -> Initializer:
    """`fill` as an initialiser, for the given dtypes or for all."""

    def init(key: Any, shape: Sequence[int], dtype: Any = jnp.float32, out_sharding: Any = None) -> jax.Array:
        # JAX's own initialisers take None as the default; NumPy would take it as float64.
        dtype = jnp.dtype(jnp.float32 if dtype is None else dtype)
        if dtypes and dtype.name not in dtypes:
            raise TypeError(f"`dtype` (={dtype}) must be one of {', '.join(dtypes)}")
        x = jnp.zeros(shape, dtype) if 0 in shape else fill(key, tuple(shape), dtype)
        return x if out_sharding is None else jax.sharding.reshard(x, out_sharding)

    return init


def in_few_sizes(draw: Callable[[tuple[int, ...]], jax.Array], key: Any, shape: tuple[int, ...]) -> jax.Array:
    """Returns `draw(shape)`, compiled for few shapes on CPUs, where compiling takes longer than drawing.

    Threefry makes each number of the key and the number's position alone, so the first numbers of a longer array are
    those of a shorter one.

    Args:
        draw: shape -> random numbers, each computed from one that JAX draws with `key`.
        key: the key.
        shape: of the result.
    """
    n = math.prod(shape)
    if n > _MOST or not getattr(jax.config, "jax_threefry_partitionable", False) or not _is_threefry(key):
        return draw(shape)
    x = draw((max(_LEAST, 1 << (n - 1).bit_length()),))
    plain = not isinstance(x, jax.core.Tracer) and isinstance(x.sharding, jax.sharding.SingleDeviceSharding)
    if (
        not plain
        or x.committed
        or jax.default_backend() != "cpu"
        or next(iter(x.devices())).platform != "cpu"
    ):
        return draw(shape)
    return jnp.asarray(np.asarray(x)[:n].reshape(shape))


_LEAST, _MOST = 2**12, 2**24


def _is_threefry(key: Any) -> bool:
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return str(jax.random.key_impl(key)) == "threefry2x32"
    return getattr(jax.config, "jax_default_prng_impl", None) == "threefry2x32"


def check(*rules: tuple[str, Any, str, Callable[[Any], bool]]) -> None:
    """Raises all broken rules (name, value, what it must be, test) as one error; first those of type."""
    wrong = [rule for rule in rules if not isinstance(rule[1], Real)]
    if broken := wrong or [rule for rule in rules if not rule[3](rule[1])]:
        text = "; ".join(f"`{name}` (={value!r}) must be {what}" for name, value, what, _ in broken)
        raise TypeError(text) if wrong else ValueError(text)
