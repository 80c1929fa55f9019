"""torch.nn's layers of jaxconv/_layers/shape.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import shape
from jaxconv.linen._module import Module


class Flatten(shape.Flatten, Module):
    pass


class Unflatten(shape.Unflatten, Module):
    pass
