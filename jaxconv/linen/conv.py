"""torch.nn's layers of jaxconv/_layers/conv.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import conv
from jaxconv.linen._module import ParamModule


class Conv1d(conv.Conv1d, ParamModule):
    pass


class Conv2d(conv.Conv2d, ParamModule):
    pass


class Conv3d(conv.Conv3d, ParamModule):
    pass
