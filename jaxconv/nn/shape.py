"""torch.nn's layers of jaxconv/_layers/shape.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import shape
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class Flatten(shape.Flatten, Module):
    pass


@dataclass(eq=False, repr=False)
class Unflatten(shape.Unflatten, Module):
    pass
