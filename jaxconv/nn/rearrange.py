"""torch.nn's padding, folding and shuffling as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import rearrange
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class ConstantPad1d(rearrange.ConstantPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ConstantPad2d(rearrange.ConstantPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ConstantPad3d(rearrange.ConstantPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad1d(rearrange.ZeroPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad2d(rearrange.ZeroPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad3d(rearrange.ZeroPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad1d(rearrange.ReflectionPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad2d(rearrange.ReflectionPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad3d(rearrange.ReflectionPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad1d(rearrange.ReplicationPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad2d(rearrange.ReplicationPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad3d(rearrange.ReplicationPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class CircularPad1d(rearrange.CircularPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class CircularPad2d(rearrange.CircularPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class CircularPad3d(rearrange.CircularPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class Unfold(rearrange.Unfold, Module):
    pass


@dataclass(eq=False, repr=False)
class Fold(rearrange.Fold, Module):
    pass


@dataclass(eq=False, repr=False)
class PixelShuffle(rearrange.PixelShuffle, Module):
    pass


@dataclass(eq=False, repr=False)
class PixelUnshuffle(rearrange.PixelUnshuffle, Module):
    pass


@dataclass(eq=False, repr=False)
class ChannelShuffle(rearrange.ChannelShuffle, Module):
    pass
