"""torch.nn's average, power-average, adaptive and un-pooling as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import avg_pooling
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class AvgPool1d(avg_pooling.AvgPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class AvgPool2d(avg_pooling.AvgPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class AvgPool3d(avg_pooling.AvgPool3d, Module):
    pass


@dataclass(eq=False, repr=False)
class LPPool1d(avg_pooling.LPPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class LPPool2d(avg_pooling.LPPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class LPPool3d(avg_pooling.LPPool3d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool1d(avg_pooling.AdaptiveAvgPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool2d(avg_pooling.AdaptiveAvgPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool3d(avg_pooling.AdaptiveAvgPool3d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool1d(avg_pooling.AdaptiveMaxPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool2d(avg_pooling.AdaptiveMaxPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool3d(avg_pooling.AdaptiveMaxPool3d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxUnpool1d(avg_pooling.MaxUnpool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxUnpool2d(avg_pooling.MaxUnpool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxUnpool3d(avg_pooling.MaxUnpool3d, Module):
    pass
