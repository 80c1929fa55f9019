"""torch.nn's layers of jaxconv/_layers/normalize.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import normalize
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class LocalResponseNorm(normalize.LocalResponseNorm, Module):
    pass
