"""ATen's random draws. They come from JAX's generator: torch's distribution, other numbers.

The first argument of each is a function that makes a key.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import functional as F
from jaxconv._from_torch.ops._dtypes import floating, integer

Key = Callable[[], jax.Array]


def _drawn(draw: Callable[..., Any], like: bool) -> Callable[..., Any]:
    def make(key: Key, shape: Any, dtype: Any = None) -> jax.Array:
        if like:
            shape, dtype = shape.shape, dtype or shape.dtype
        return draw(key(), shape, dtype or jnp.float32)

    return make


def _bernoulli(key: Key, x: Any, p: Any = 0.5) -> jax.Array:
    return jax.random.bernoulli(key(), p, x.shape).astype(x.dtype)


def _bernoulli_of(key: Key, x: Any) -> jax.Array:
    return jax.random.bernoulli(key(), x).astype(x.dtype)


def _uniform(key: Key, x: Any, low: float = 0.0, high: float = 1.0) -> jax.Array:
    return jax.random.uniform(key(), x.shape, x.dtype, low, high)


def _normal(key: Key, x: Any, mean: Any = 0.0, std: Any = 1.0) -> jax.Array:
    return mean + std * jax.random.normal(key(), x.shape, x.dtype)


def _normal_of_means(key: Key, mean: Any, std: Any = 1.0) -> jax.Array:
    shape = jnp.broadcast_shapes(jnp.shape(mean), jnp.shape(std))
    return mean + std * jax.random.normal(key(), shape, jnp.result_type(mean, std))


def _normal_of_size(key: Key, mean: float, std: float, size: Any, dtype: Any = None) -> jax.Array:
    return mean + std * jax.random.normal(key(), size, dtype or jnp.float32)


def _prims_normal(key: Key, size: Any, *, mean: Any, std: Any, dtype: Any) -> jax.Array:
    return _normal_of_size(key, mean, std, size, dtype)


def _exponential(key: Key, x: Any, rate: float = 1.0) -> jax.Array:
    return jax.random.exponential(key(), x.shape, x.dtype) / rate


def _integers(key: Key, low: Any, high: Any, shape: Any, dtype: Any) -> jax.Array:
    return jax.random.randint(key(), shape, low, high, integer()).astype(dtype)


def _randint(key: Key, *args: Any, dtype: Any = None) -> jax.Array:
    low, high, size = args if len(args) == 3 else (0, *args)
    return _integers(key, low, high, size, dtype or integer())


def _randint_like(key: Key, x: Any, *limits: Any, dtype: Any = None) -> jax.Array:
    low, high = limits if len(limits) == 2 else (0, *limits)
    return _integers(key, low, high, x.shape, dtype or x.dtype)


def _randperm(key: Key, n: int, dtype: Any = None) -> jax.Array:
    return jax.random.permutation(key(), jnp.arange(n, dtype=dtype or integer()))


def _multinomial(key: Key, weights: Any, count: int, replacement: bool = False) -> jax.Array:
    """Places along the last dimension; without replacement those of the largest of perturbed logarithms."""
    logits = jnp.log(floating(weights))
    if replacement:
        drawn = jax.random.categorical(key(), logits[..., None, :], shape=(*logits.shape[:-1], count))
        return drawn.astype(integer())
    noise = jax.random.gumbel(key(), logits.shape, logits.dtype)
    return jax.lax.top_k(logits + noise, count)[1].astype(integer())


def _native_dropout(key: Key, x: Any, p: float, train: bool | None) -> tuple[jax.Array, jax.Array]:
    """The output, and where it was kept."""
    if train is False or p == 0:
        return x, jnp.ones(x.shape, bool)
    kept = F.dropout(jnp.ones(x.shape, x.dtype), p, True, key=key() if p < 1 else None)
    return x * kept, kept != 0


RANDOM: dict[str, Callable[..., Any]] = {
    "rand": _drawn(jax.random.uniform, False),
    "randn": _drawn(jax.random.normal, False),
    "rand_like": _drawn(jax.random.uniform, True),
    "randn_like": _drawn(jax.random.normal, True),
    "bernoulli.default": _bernoulli_of,
    "bernoulli.p": _bernoulli,
    "bernoulli.float": _bernoulli,
    "bernoulli.Tensor": _bernoulli,
    "uniform": _uniform,
    "normal.default": _normal,
    "prims.normal.default": _prims_normal,
    "normal.Tensor_float": _normal_of_means,
    "normal.float_Tensor": _normal_of_means,
    "normal.Tensor_Tensor": _normal_of_means,
    "normal.float_float": _normal_of_size,
    "exponential": _exponential,
    "randint": _randint,
    "randint_like": _randint_like,
    "randperm": _randperm,
    "multinomial": _multinomial,
    "native_dropout": _native_dropout,
}
