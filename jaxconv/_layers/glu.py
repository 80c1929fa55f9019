"""torch.nn.GLU."""

from dataclasses import dataclass

from jaxconv import functional
from jaxconv._layers._activation import Activation

__all__ = ["GLU"]


@dataclass(eq=False, repr=False)
class GLU(Activation):
    dim: int = -1

    _function = staticmethod(functional.glu)
