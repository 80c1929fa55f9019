"""torch.nn's resizing layers as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import upsample
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class Upsample(upsample.Upsample, Module):
    pass


@dataclass(eq=False, repr=False)
class UpsamplingBilinear2d(upsample.UpsamplingBilinear2d, Module):
    pass


@dataclass(eq=False, repr=False)
class UpsamplingNearest2d(upsample.UpsamplingNearest2d, Module):
    pass
