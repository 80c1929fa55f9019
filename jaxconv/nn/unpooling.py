"""torch.nn's layers of jaxconv/_layers/unpooling.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import unpooling
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class MaxUnpool1d(unpooling.MaxUnpool1d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxUnpool2d(unpooling.MaxUnpool2d, Module):
    pass


@dataclass(eq=False, repr=False)
class MaxUnpool3d(unpooling.MaxUnpool3d, Module):
    pass
