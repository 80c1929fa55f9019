"""torch.nn's layers of jaxconv/_layers/unpooling.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import unpooling
from jaxconv.linen._module import Module


class MaxUnpool1d(unpooling.MaxUnpool1d, Module):
    pass


class MaxUnpool2d(unpooling.MaxUnpool2d, Module):
    pass


class MaxUnpool3d(unpooling.MaxUnpool3d, Module):
    pass
