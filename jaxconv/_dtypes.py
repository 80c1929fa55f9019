"""In which precision everything is computed: one rule for the whole library, torch's.

A floating dtype narrower than float32 (reduced precision: bfloat16, float16, float8) is computed and accumulated in
float32, and the result is rounded once. Every other dtype is computed in itself.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_reduced(dtype: Any) -> bool:
    """Whether a dtype is floating and narrower than float32."""
    return bool(jnp.issubdtype(dtype, jnp.floating)) and jnp.dtype(dtype).itemsize < 4


def compute_dtype(dtype: Any) -> np.dtype:
    """Returns the dtype in which numbers of `dtype` are computed and accumulated."""
    return np.dtype(np.float32) if is_reduced(dtype) else jnp.dtype(dtype)


def widened(x: jax.Array, like: jax.Array | None = None) -> jax.Array:
    """Returns `x` in the dtype in which numbers of its own dtype, or of `like`'s, are computed."""
    return x.astype(compute_dtype((x if like is None else like).dtype))
