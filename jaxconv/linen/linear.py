"""torch.nn.Linear and Bilinear as Linen modules."""

from jaxconv._layers import linear
from jaxconv.linen._module import ParamModule


class Linear(linear.Linear, ParamModule):
    pass


class Bilinear(linear.Bilinear, ParamModule):
    pass
