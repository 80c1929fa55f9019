"""torch.nn's pooling as Linen modules."""

from jaxconv._layers import pooling
from jaxconv.linen._module import Module


class MaxPool1d(pooling.MaxPool1d, Module):
    pass


class MaxPool2d(pooling.MaxPool2d, Module):
    pass


class MaxPool3d(pooling.MaxPool3d, Module):
    pass
