"""torch.nn's resizing layers as Linen modules."""

from jaxconv._layers import upsample
from jaxconv.linen._module import Module


class Upsample(upsample.Upsample, Module):
    pass


class UpsamplingBilinear2d(upsample.UpsamplingBilinear2d, Module):
    pass


class UpsamplingNearest2d(upsample.UpsamplingNearest2d, Module):
    pass
