"""torch.nn's padding, folding and shuffling as Linen modules."""

from jaxconv._layers import rearrange
from jaxconv.linen._module import Module


class ConstantPad1d(rearrange.ConstantPad1d, Module):
    pass


class ConstantPad2d(rearrange.ConstantPad2d, Module):
    pass


class ConstantPad3d(rearrange.ConstantPad3d, Module):
    pass


class ZeroPad1d(rearrange.ZeroPad1d, Module):
    pass


class ZeroPad2d(rearrange.ZeroPad2d, Module):
    pass


class ZeroPad3d(rearrange.ZeroPad3d, Module):
    pass


class ReflectionPad1d(rearrange.ReflectionPad1d, Module):
    pass


class ReflectionPad2d(rearrange.ReflectionPad2d, Module):
    pass


class ReflectionPad3d(rearrange.ReflectionPad3d, Module):
    pass


class ReplicationPad1d(rearrange.ReplicationPad1d, Module):
    pass


class ReplicationPad2d(rearrange.ReplicationPad2d, Module):
    pass


class ReplicationPad3d(rearrange.ReplicationPad3d, Module):
    pass


class CircularPad1d(rearrange.CircularPad1d, Module):
    pass


class CircularPad2d(rearrange.CircularPad2d, Module):
    pass


class CircularPad3d(rearrange.CircularPad3d, Module):
    pass


class Unfold(rearrange.Unfold, Module):
    pass


class Fold(rearrange.Fold, Module):
    pass


class PixelShuffle(rearrange.PixelShuffle, Module):
    pass


class PixelUnshuffle(rearrange.PixelUnshuffle, Module):
    pass


class ChannelShuffle(rearrange.ChannelShuffle, Module):
    pass
