"""torch.nn.Linear and Bilinear as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import linear
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class Linear(linear.Linear, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class Bilinear(linear.Bilinear, ParamModule):
    pass
