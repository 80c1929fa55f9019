"""torch.nn.PReLU as a Linen module."""

from jaxconv._layers import prelu
from jaxconv.linen._module import ParamModule

__all__ = ["PReLU"]


class PReLU(prelu.AnyPReLU, ParamModule):
    __doc__ = prelu.prelu_doc("init_value")
    _start = "init_value"

    # `init` is a method of every Linen module.
    init_value: float = 0.25
