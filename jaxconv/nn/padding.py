"""torch.nn's layers of jaxconv/_layers/padding.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import padding
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class CircularPad1d(padding.CircularPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class CircularPad2d(padding.CircularPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class CircularPad3d(padding.CircularPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ConstantPad1d(padding.ConstantPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ConstantPad2d(padding.ConstantPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ConstantPad3d(padding.ConstantPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad1d(padding.ReflectionPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad2d(padding.ReflectionPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReflectionPad3d(padding.ReflectionPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad1d(padding.ReplicationPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad2d(padding.ReplicationPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ReplicationPad3d(padding.ReplicationPad3d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad1d(padding.ZeroPad1d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad2d(padding.ZeroPad2d, Module):
    pass


@dataclass(eq=False, repr=False)
class ZeroPad3d(padding.ZeroPad3d, Module):
    pass
