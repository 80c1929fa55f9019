"""torch's random numbers on the CPU, bit for bit, without torch.

Sources: torch's headers ATen/core/{MT19937RNGEngine,DistributionsHelper,TransformationHelper}.h and
ATen/native/cpu/DistributionTemplates.h (2.13). Numbers are drawn one after the other in one thread there, whatever the
machine, but their last bits come from the instructions: fused multiply-add (x86 since 2013, ARM), and for `normal` from
16 numbers on those of AVX2.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxconv._jax_internals import TraceState
from jaxconv.init._box_muller import box_muller, fma

# Drawn at a time, so that what is in between stays small; a multiple of 16.
_CHUNK = 2**18


class TorchStream:
    """torch's CPU generator after `torch.manual_seed(seed)`: what `jaxconv.TorchRngs` gives as the stream `params`.

    The initialisers of `jaxconv.init` take it in the place of a key. Unlike a key it is a mutable object: every draw
    moves it on, so that the order of draws matters, as in torch. What it gives are NumPy arrays: under jit, constants.

    Raises:
        TypeError: a draw inside jit, vmap, ... from a stream that was made outside (nnx.Rngs refuses that too).
    """

    def __init__(self, seed: int):
        # The reference implementation's init_genrand in both; torch, too, takes the low half of its 64 bits.
        self._words = np.random.RandomState(seed & 0xFFFFFFFF)
        self._spare: float | None = None
        self._trace = TraceState()

    def __call__(self) -> "TorchStream":
        """Itself: `rngs.params()` is what an initialiser is given."""
        return self

    @property
    def __jax_array__(self) -> Any:
        """Refused: jax.random looks for it in what should be a key."""
        raise TypeError(
            "the stream `params` of jaxconv.TorchRngs is not a JAX key: give this layer initialisers of jaxconv.init, "
            "or rngs=nnx.Rngs(seed)"
        )

    def uniform(self, shape: tuple[int, ...], dtype: Any, low: float, high: float) -> np.ndarray:
        """`torch.empty(shape, dtype).uniform_(low, high)`."""
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return _joined(self.uniform((*shape, 2), jnp.finfo(dtype).dtype, low, high), dtype)
        wide = _wide(dtype)
        start, end = wide.type(low), wide.type(high)

        def draw(count: int) -> np.ndarray:
            x = fma(self._unit(count, wide), end - start, start).astype(dtype)
            # What was rounded up to the end is not in the range.
            return np.where(x == end.astype(dtype), start.astype(dtype), x)

        return _in_chunks(math.prod(shape), dtype, draw).reshape(shape)

    def normal(self, shape: tuple[int, ...], dtype: Any, mean: float, std: float) -> np.ndarray:
        """`torch.empty(shape, dtype).normal_(mean, std)`."""
        if jnp.issubdtype(dtype, jnp.complexfloating):
            return _joined(self.normal((*shape, 2), jnp.finfo(dtype).dtype, mean, std / math.sqrt(2)), dtype)
        count, wide = math.prod(shape), _wide(dtype)
        if count < 16:
            x = fma(np.array([self._one_normal() for _ in range(count)]), np.float64(std), np.float64(mean))
            return x.astype(wide).astype(dtype).reshape(shape)

        def draw(count: int) -> np.ndarray:
            return box_muller(self._unit(count, wide), wide.type(mean), wide.type(std)).astype(dtype)

        rest = count % 16
        x = np.empty(count, dtype)
        x[: count - rest] = _in_chunks(count - rest, dtype, draw)
        if rest:
            if dtype == wide:
                self._unit(rest, wide)  # Drawn, but not used.
            x[-16:] = draw(16)
        return x.reshape(shape)

    def permutation(self, n: int) -> np.ndarray:
        """`torch.randperm(n)`, of fewer than 2**32 / 20."""
        x = np.arange(n)
        for i, word in enumerate(self._random(max(n - 1, 0))):
            j = i + int(word) % (n - i)
            x[i], x[j] = x[j], x[i]
        return x

    def _random(self, count: int) -> np.ndarray:
        self._check_trace()
        return self._words.randint(0, 2**32, count, np.uint32)

    def _check_trace(self) -> None:
        if not self._trace.is_valid():  # The compiled function would give the same numbers at every call.
            raise TypeError(
                "this jaxconv.TorchRngs was made outside jit, vmap or another transformation, and cannot draw inside: "
                "make it inside, in the function that makes the model"
            )

    def _unit(self, count: int, wide: np.dtype) -> np.ndarray:
        """Uniform in [0, 1): all that float32 or float64 have bits for."""
        if wide == np.float32:
            return (self._random(count) & np.uint32(2**24 - 1)).astype(np.float32) * np.float32(2**-24)
        words = self._random(2 * count).astype(np.uint64)
        joined = (words[::2] << np.uint64(32)) | words[1::2]
        return (joined & np.uint64(2**53 - 1)).astype(np.float64) * 2.0**-53

    def _one_normal(self) -> float:
        """One of two that are made at a time; torch, too, keeps the other for the next call."""
        if self._spare is not None:
            self._check_trace()
            value, self._spare = self._spare, None
            return value
        turn, rest = self._unit(2, np.dtype(np.float64)).tolist()
        radius, angle = math.sqrt(-2.0 * math.log1p(-rest)), 2.0 * math.pi * turn
        self._spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def _wide(dtype: Any) -> np.dtype:
    """What is computed in: half precision is rounded from float32."""
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _in_chunks(count: int, dtype: Any, draw: Callable[[int], np.ndarray]) -> np.ndarray:
    x = np.empty(count, dtype)
    for start in range(0, count, _CHUNK):
        x[start : start + _CHUNK] = draw(min(_CHUNK, count - start))
    return x


def _joined(parts: np.ndarray, dtype: Any) -> np.ndarray:
    """Real and imaginary parts, the last dimension, as complex numbers."""
    return parts.view(dtype)[..., 0]
