"""torch.flatten and torch.unflatten."""

import math
from collections.abc import Sequence

import jax

from jaxconv._args import array, dimension, each_integer, integer
from jaxconv._types import ArrayLike

__all__ = ["flatten", "unflatten"]


def flatten(input: ArrayLike, start_dim: int = 0, end_dim: int = -1) -> jax.Array:
    """The dimensions from `start_dim` to `end_dim` as one (torch.flatten). Row-major: (C, H, W) counts C slowest.

    Raises:
        ValueError: dimensions that are not there, or `start_dim` after `end_dim`.
    """
    x = array("input", input)
    first, last = (
        dimension(integer(n, d), x.ndim) for n, d in (("start_dim", start_dim), ("end_dim", end_dim))
    )
    if first > last:
        raise ValueError(f"flatten: `start_dim` (={start_dim}) cannot come after `end_dim` (={end_dim})")
    return x.reshape(*x.shape[:first], math.prod(x.shape[first : last + 1]), *x.shape[last + 1 :])


def unflatten(input: ArrayLike, dim: int, sizes: Sequence[int]) -> jax.Array:
    """Dimension `dim` as several of the given sizes, one of which may be -1 (torch.unflatten).

    Raises:
        ValueError: sizes that do not make up the dimension, or an input without dimensions.
    """
    x = array("input", input)
    if not x.ndim:
        raise ValueError(
            f"unflatten: `input` is a scalar, and has no dimension to divide into `sizes` (={sizes})"
        )
    axis = dimension(integer("dim", dim), x.ndim)
    shape = each_integer("sizes", sizes)
    known = math.prod(n for n in shape if n != -1)
    size = x.shape[axis]
    free = shape.count(-1)
    fits = known == size if not free else free == 1 and known > 0 and size % known == 0
    if not shape or not fits or any(n < -1 for n in shape):
        raise ValueError(
            f"unflatten: `sizes` (={shape}) don't multiply up to the size of dim {dim} ({size}) of `input` of "
            f"shape {x.shape}"
        )
    shape = tuple(size // known if n == -1 else n for n in shape)
    return x.reshape(*x.shape[:axis], *shape, *x.shape[axis + 1 :])
