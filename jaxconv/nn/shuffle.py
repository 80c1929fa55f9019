"""torch.nn's layers of jaxconv/_layers/shuffle.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import shuffle
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class ChannelShuffle(shuffle.ChannelShuffle, Module):
    pass


@dataclass(eq=False, repr=False)
class PixelShuffle(shuffle.PixelShuffle, Module):
    pass


@dataclass(eq=False, repr=False)
class PixelUnshuffle(shuffle.PixelUnshuffle, Module):
    pass
