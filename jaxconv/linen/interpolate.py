"""torch.nn's layers of jaxconv/_layers/interpolate.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import interpolate
from jaxconv.linen._module import Module


class Upsample(interpolate.Upsample, Module):
    pass


class UpsamplingBilinear2d(interpolate.UpsamplingBilinear2d, Module):
    pass


class UpsamplingNearest2d(interpolate.UpsamplingNearest2d, Module):
    pass
