"""torch.nn's layers of jaxconv/_layers/glu.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import glu
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class GLU(glu.GLU, Module):
    pass
