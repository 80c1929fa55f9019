"""torch.nn's layers of jaxconv/_layers/adaptive_pooling.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import adaptive_pooling
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool1d(adaptive_pooling.AdaptiveAvgPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool2d(adaptive_pooling.AdaptiveAvgPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveAvgPool3d(adaptive_pooling.AdaptiveAvgPool3d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool1d(adaptive_pooling.AdaptiveMaxPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool2d(adaptive_pooling.AdaptiveMaxPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class AdaptiveMaxPool3d(adaptive_pooling.AdaptiveMaxPool3d, Module):
    pass
