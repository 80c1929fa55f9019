"""torch.nn's layers of jaxconv/_layers/glu.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import glu
from jaxconv.linen._module import Module


class GLU(glu.GLU, Module):
    pass
