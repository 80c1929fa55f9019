"""The gated linear unit."""

import jax
import jax.numpy as jnp

from jaxconv._args import array, dimension, integer
from jaxconv._dtypes import widened
from jaxconv._types import ArrayLike

__all__ = ["glu"]


def glu(input: ArrayLike, dim: int = -1) -> jax.Array:
    """The first half along `dim` times the sigmoid of the second (Y. Dauphin et al., 2017; torch.nn.functional.glu).

    Args:
        input: floating, of an even size in dimension `dim`.
        dim: which dimension is halved.
    """
    x = array("input", input)
    axis = dimension(integer("dim", dim), x.ndim)
    if x.ndim == 0 or x.shape[axis] % 2:
        raise ValueError(
            f"Halving dimension must be even, but dimension {dim} of `input` of shape {x.shape} is not"
        )

    half, gate = jnp.split(widened(x), 2, axis)
    return (half * jax.nn.sigmoid(gate)).astype(x.dtype)
