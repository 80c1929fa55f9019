"""torch.nn's layers of jaxconv/_layers/shuffle.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import shuffle
from jaxconv.linen._module import Module


class ChannelShuffle(shuffle.ChannelShuffle, Module):
    pass


class PixelShuffle(shuffle.PixelShuffle, Module):
    pass


class PixelUnshuffle(shuffle.PixelUnshuffle, Module):
    pass
