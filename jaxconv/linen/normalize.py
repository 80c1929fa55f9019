"""torch.nn's layers of jaxconv/_layers/normalize.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import normalize
from jaxconv.linen._module import Module


class LocalResponseNorm(normalize.LocalResponseNorm, Module):
    pass
