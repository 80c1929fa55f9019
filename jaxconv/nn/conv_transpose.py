"""torch.nn's layers of jaxconv/_layers/conv_transpose.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import conv_transpose
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class ConvTranspose1d(conv_transpose.ConvTranspose1d, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class ConvTranspose2d(conv_transpose.ConvTranspose2d, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class ConvTranspose3d(conv_transpose.ConvTranspose3d, ParamModule):
    pass
