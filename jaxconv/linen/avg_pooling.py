"""torch.nn's layers of jaxconv/_layers/avg_pooling.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import avg_pooling
from jaxconv.linen._module import Module


class AvgPool1d(avg_pooling.AvgPool1d, Module):
    pass


class AvgPool2d(avg_pooling.AvgPool2d, Module):
    pass


class AvgPool3d(avg_pooling.AvgPool3d, Module):
    pass


class LPPool1d(avg_pooling.LPPool1d, Module):
    pass


class LPPool2d(avg_pooling.LPPool2d, Module):
    pass


class LPPool3d(avg_pooling.LPPool3d, Module):
    pass
