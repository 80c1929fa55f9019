"""torch.nn's layers of jaxconv/_layers/padding.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import padding
from jaxconv.linen._module import Module


class CircularPad1d(padding.CircularPad1d, Module):
    pass


class CircularPad2d(padding.CircularPad2d, Module):
    pass


class CircularPad3d(padding.CircularPad3d, Module):
    pass


class ConstantPad1d(padding.ConstantPad1d, Module):
    pass


class ConstantPad2d(padding.ConstantPad2d, Module):
    pass


class ConstantPad3d(padding.ConstantPad3d, Module):
    pass


class ReflectionPad1d(padding.ReflectionPad1d, Module):
    pass


class ReflectionPad2d(padding.ReflectionPad2d, Module):
    pass


class ReflectionPad3d(padding.ReflectionPad3d, Module):
    pass


class ReplicationPad1d(padding.ReplicationPad1d, Module):
    pass


class ReplicationPad2d(padding.ReplicationPad2d, Module):
    pass


class ReplicationPad3d(padding.ReplicationPad3d, Module):
    pass


class ZeroPad1d(padding.ZeroPad1d, Module):
    pass


class ZeroPad2d(padding.ZeroPad2d, Module):
    pass


class ZeroPad3d(padding.ZeroPad3d, Module):
    pass
