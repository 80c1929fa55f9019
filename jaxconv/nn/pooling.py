"""torch.nn's layers of jaxconv/_layers/pooling.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import pooling
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class MaxPool1d(pooling.MaxPool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxPool2d(pooling.MaxPool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxPool3d(pooling.MaxPool3d, Module):
    pass
