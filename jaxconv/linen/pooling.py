"""torch.nn's layers of jaxconv/_layers/pooling.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import pooling
from jaxconv.linen._module import Module


class MaxPool1d(pooling.MaxPool1d, Module):
    pass


class MaxPool2d(pooling.MaxPool2d, Module):
    pass


class MaxPool3d(pooling.MaxPool3d, Module):
    pass
