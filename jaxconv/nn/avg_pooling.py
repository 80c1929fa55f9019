"""torch.nn's layers of jaxconv/_layers/avg_pooling.py as NNX modules; written by tools/fronts.py."""

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
