"""torch.nn.functional.pad."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._args import array, check_one_of, check_spatial_input, each_integer
from jaxconv._given import wrong_type
from jaxconv._pad import pad_spatial
from jaxconv._spec import PAD_MODES
from jaxconv._types import ArrayLike, PadMode

__all__ = ["pad"]


def pad(
    input: ArrayLike, pad: Sequence[int], mode: PadMode = "constant", value: complex | None = None
) -> jax.Array:
    """Pads the last dimensions of an array: torch.nn.functional.pad.

    Args:
        input: any shape for 'constant'; for the other modes (N, C, *size) or (C, *size) with `len(pad) / 2` spatial
            dimensions.
        pad: (low, high) of the last dimension, then of the last but one, and so on, flat. A negative amount crops.
        mode: 'constant', 'reflect' (less than the dimension), 'replicate' or 'circular' (at most the dimension).
        value: the filling of 'constant', None for 0.

    Returns:
        The padded array, in the input's dtype.

    Raises:
        ValueError: an odd number of amounts, an unknown mode, amounts beyond the mode's limits, a wrong rank, or a
            `value` for a mode that has none.
        TypeError: amounts that are not ints.
    """
    x = array("input", input)
    check_one_of("mode", mode, PAD_MODES)
    if not hasattr(pad, "__len__"):
        raise wrong_type("pad", "a sequence of ints", pad)
    flat = each_integer("pad", pad)
    if len(flat) % 2 or len(flat) > 2 * x.ndim:
        raise ValueError(
            f"`pad` (={flat}) must have (low, high) for at most {x.ndim} dimensions of `input` of shape "
            f"{x.shape}, got {len(flat)} ints"
        )
    ndim = len(flat) // 2
    padding = tuple((flat[2 * i], flat[2 * i + 1]) for i in reversed(range(ndim)))
    if mode == "constant":
        return pad_spatial(x, padding, mode, 0 if value is None else _filling(value, x))
    if value is not None:
        raise ValueError(f"`value` (={value!r}): padding mode {mode!r} doesn't take in a value argument")
    if ndim not in (1, 2, 3) or x.ndim not in (ndim + 1, ndim + 2):
        raise ValueError(
            f"`pad` of {len(flat)} ints with mode {mode!r} needs `input` of {ndim + 1} or {ndim + 2} dimensions "
            f"(at most 3 of them padded), but got `input` of shape {x.shape}"
        )
    check_spatial_input(f"{mode} padding", ndim, x.shape)
    return pad_spatial(x, padding, mode)


def _filling(value: Any, x: jax.Array) -> Any:
    """`value`, if it is a number that x's dtype can hold (a float in an integer array is cut off, as in torch)."""
    if isinstance(value, jax.core.Tracer):
        raise TypeError("`value` must be a Python number, got a traced array, whose gradient would be lost")
    try:
        if not isinstance(value, bool | int | float | complex):
            value = value.item()  # NumPy's and JAX's scalars
        if isinstance(value, complex) and not jnp.issubdtype(x.dtype, jnp.complexfloating):
            raise TypeError
        if jnp.issubdtype(x.dtype, jnp.integer):
            value, limits = int(value), jnp.iinfo(x.dtype)
            if not limits.min <= value <= limits.max:
                raise ValueError
    except (AttributeError, TypeError):
        raise TypeError(f"`value` must be a number for `input` of dtype {x.dtype}, got {value!r}") from None
    except (ValueError, OverflowError):
        raise ValueError(f"`value` (={value!r}) cannot be represented in `input`'s dtype {x.dtype}") from None
    return value
