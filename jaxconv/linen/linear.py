"""torch.nn's layers of jaxconv/_layers/linear.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import linear
from jaxconv.linen._module import ParamModule


class Bilinear(linear.Bilinear, ParamModule):
    pass


class Linear(linear.Linear, ParamModule):
    pass
