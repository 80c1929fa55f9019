"""torch.nn's layers of jaxconv/_layers/conv.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import conv
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class Conv1d(conv.Conv1d, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class Conv2d(conv.Conv2d, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class Conv3d(conv.Conv3d, ParamModule):
    pass
