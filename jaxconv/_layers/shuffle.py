"""torch.nn's rearrangements of channels and pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv import functional
from jaxconv._args import positive
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike

__all__ = ["ChannelShuffle", "PixelShuffle", "PixelUnshuffle"]


@dataclass(eq=False, repr=False)
class PixelShuffle(Layer):
    """torch.nn.PixelShuffle: (..., C r^2, H, W) to (..., C, H r, W r). No parameters.

    Args:
        upscale_factor: r.

    Raises:
        ValueError: a factor that is not positive, or does not fit the input's channels.
        TypeError: a factor that is no int.
    """

    upscale_factor: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("upscale_factor", self.upscale_factor)
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.pixel_shuffle(input, self.upscale_factor)


@dataclass(eq=False, repr=False)
class PixelUnshuffle(Layer):
    """torch.nn.PixelUnshuffle: (..., C, H r, W r) to (..., C r^2, H, W). No parameters.

    Args:
        downscale_factor: r.

    Raises:
        ValueError: a factor that is not positive, or does not fit the input's size.
        TypeError: a factor that is no int.
    """

    downscale_factor: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("downscale_factor", self.downscale_factor)
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.pixel_unshuffle(input, self.downscale_factor)


@dataclass(eq=False, repr=False)
class ChannelShuffle(Layer):
    """torch.nn.ChannelShuffle: takes a channel from each of `groups` groups in turn. No parameters.

    Args:
        groups: must divide the input's channels.

    Raises:
        ValueError: groups that are not positive, or do not fit the input.
        TypeError: groups that are no int.
    """

    groups: int

    def _normalised(self) -> Mapping[str, Any]:
        positive("groups", self.groups)
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.channel_shuffle(input, self.groups)
