"""torch.nn.PReLU as an NNX module."""

from dataclasses import dataclass

from jaxconv._layers import prelu
from jaxconv.nn._module import ParamModule

__all__ = ["PReLU"]


@dataclass(eq=False, repr=False)
class PReLU(prelu.AnyPReLU, ParamModule):
    __doc__ = prelu.prelu_doc("init")
    _start = "init"

    init: float = 0.25
