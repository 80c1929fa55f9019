"""torch.nn's average, power-average, adaptive and un-pooling as Linen modules."""

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


class AdaptiveAvgPool1d(avg_pooling.AdaptiveAvgPool1d, Module):
    pass


class AdaptiveAvgPool2d(avg_pooling.AdaptiveAvgPool2d, Module):
    pass


class AdaptiveAvgPool3d(avg_pooling.AdaptiveAvgPool3d, Module):
    pass


class AdaptiveMaxPool1d(avg_pooling.AdaptiveMaxPool1d, Module):
    pass


class AdaptiveMaxPool2d(avg_pooling.AdaptiveMaxPool2d, Module):
    pass


class AdaptiveMaxPool3d(avg_pooling.AdaptiveMaxPool3d, Module):
    pass


class MaxUnpool1d(avg_pooling.MaxUnpool1d, Module):
    pass


class MaxUnpool2d(avg_pooling.MaxUnpool2d, Module):
    pass


class MaxUnpool3d(avg_pooling.MaxUnpool3d, Module):
    pass
