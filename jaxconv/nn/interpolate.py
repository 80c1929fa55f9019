"""torch.nn's layers of jaxconv/_layers/interpolate.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import interpolate
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class Upsample(interpolate.Upsample, Module):
    pass


@dataclass(eq=False, repr=False)
class UpsamplingBilinear2d(interpolate.UpsamplingBilinear2d, Module):
    pass


@dataclass(eq=False, repr=False)
class UpsamplingNearest2d(interpolate.UpsamplingNearest2d, Module):
    pass
