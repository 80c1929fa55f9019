"""torch.nn's layers of jaxconv/_layers/adaptive_pooling.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import adaptive_pooling
from jaxconv.linen._module import Module


class AdaptiveAvgPool1d(adaptive_pooling.AdaptiveAvgPool1d, Module):
    pass


class AdaptiveAvgPool2d(adaptive_pooling.AdaptiveAvgPool2d, Module):
    pass


class AdaptiveAvgPool3d(adaptive_pooling.AdaptiveAvgPool3d, Module):
    pass


class AdaptiveMaxPool1d(adaptive_pooling.AdaptiveMaxPool1d, Module):
    pass


class AdaptiveMaxPool2d(adaptive_pooling.AdaptiveMaxPool2d, Module):
    pass


class AdaptiveMaxPool3d(adaptive_pooling.AdaptiveMaxPool3d, Module):
    pass
