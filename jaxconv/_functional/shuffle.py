"""torch.nn.functional's rearrangements of channels and pixels. Copies only: any dtype, bit for bit."""

from collections.abc import Sequence
from typing import Any

import jax

from jaxconv._args import array, integer
from jaxconv._arrays import reshaped
from jaxconv._types import ArrayLike

__all__ = ["channel_shuffle", "pixel_shuffle", "pixel_unshuffle"]


def pixel_shuffle(input: ArrayLike, upscale_factor: int) -> jax.Array:
    """(..., C r^2, H, W) to (..., C, H r, W r) (W. Shi et al., 2016; torch.nn.functional.pixel_shuffle).

    Raises:
        ValueError: channels that r^2 does not divide, fewer than 3 dimensions, a factor that is not positive.
        TypeError: a factor that is no int.
    """
    x = array("input", input)
    channels = x.shape[-3] if x.ndim > 2 else 0
    r = _factor("pixel_shuffle", "upscale_factor", upscale_factor, x.shape, channels, 2)
    *lead, _, h, w = x.shape
    y = reshaped(x, (*lead, channels // r**2, r, r, h, w))
    n = len(lead)
    order = (*range(n + 1), n + 3, n + 1, n + 4, n + 2)
    return reshaped(y.transpose(order), (*lead, channels // r**2, h * r, w * r))


def pixel_unshuffle(input: ArrayLike, downscale_factor: int) -> jax.Array:
    """(..., C, H r, W r) to (..., C r^2, H, W), the reverse (torch.nn.functional.pixel_unshuffle).

    Raises:
        ValueError: height or width that r does not divide, fewer than 3 dimensions, a factor that is not positive.
        TypeError: a factor that is no int.
    """
    x = array("input", input)
    r = _factor("pixel_unshuffle", "downscale_factor", downscale_factor, x.shape, 0, 1)
    *lead, c, h, w = x.shape
    if h % r or w % r:
        raise ValueError(
            f"pixel_unshuffle expects height and width of `input` of shape {x.shape} to be divisible by "
            f"`downscale_factor` (={r})"
        )
    n = len(lead)
    y = reshaped(x, (*lead, c, h // r, r, w // r, r))
    order = (*range(n + 1), n + 2, n + 4, n + 1, n + 3)
    return reshaped(y.transpose(order), (*lead, c * r**2, h // r, w // r))


def channel_shuffle(input: ArrayLike, groups: int) -> jax.Array:
    """(N, C, ...) with its channels, in `groups` groups, taken one from each in turn (X. Zhang et al., 2017).

    torch.nn.functional.channel_shuffle.

    Raises:
        ValueError: channels that `groups` does not divide, fewer than 3 dimensions, groups that are not positive.
        TypeError: groups that are no int.
    """
    x = array("input", input)
    channels = x.shape[1] if x.ndim > 1 else 0
    g = _factor("channel_shuffle", "groups", integer("groups", groups), x.shape, channels, 1)
    y = reshaped(x, (x.shape[0], g, channels // g, *x.shape[2:]))
    return reshaped(y.swapaxes(1, 2), x.shape)


def _factor(op: str, name: str, value: Any, shape: Sequence[int], channels: int, divisor: int) -> int:
    """The factor of pixel_shuffle and its kin, if it divides what it has to.

    Raises:
        TypeError, ValueError: no positive int; too few dimensions; channels that it does not divide.
    """
    factor = integer(name, value)
    if factor < 1:
        raise ValueError(f"{op}: `{name}` (={factor}) must be positive")
    if len(shape) < 3:
        raise ValueError(
            f"{op} expects input to have at least 3 dimensions, but got `input` of shape {tuple(shape)}"
        )
    if channels % (factor**divisor):
        raise ValueError(
            f"{op} expects {channels} channels of `input` of shape {tuple(shape)} to be divisible by {factor**divisor}"
        )
    return factor
