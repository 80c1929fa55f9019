"""torch.nn's layers of jaxconv/_layers/linear.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import linear
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class Bilinear(linear.Bilinear, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class Linear(linear.Linear, ParamModule):
    pass
