"""torch.nn's layers of jaxconv/_layers/conv_transpose.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import conv_transpose
from jaxconv.linen._module import ParamModule


class ConvTranspose1d(conv_transpose.ConvTranspose1d, ParamModule):
    pass


class ConvTranspose2d(conv_transpose.ConvTranspose2d, ParamModule):
    pass


class ConvTranspose3d(conv_transpose.ConvTranspose3d, ParamModule):
    pass
