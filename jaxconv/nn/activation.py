"""torch.nn's activations as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import activation
from jaxconv.nn._module import Module, ParamModule
from jaxconv.nn.dropout import Drawing


@dataclass(eq=False, repr=False)
class ReLU(activation.ReLU, Module):
    pass


@dataclass(eq=False, repr=False)
class ReLU6(activation.ReLU6, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardtanh(activation.Hardtanh, Module):
    pass


@dataclass(eq=False, repr=False)
class Threshold(activation.Threshold, Module):
    pass


@dataclass(eq=False, repr=False)
class LeakyReLU(activation.LeakyReLU, Module):
    pass


@dataclass(eq=False, repr=False)
class RReLU(activation.RReLU, Drawing):
    pass


@dataclass(eq=False, repr=False)
class ELU(activation.ELU, Module):
    pass


@dataclass(eq=False, repr=False)
class SELU(activation.SELU, Module):
    pass


@dataclass(eq=False, repr=False)
class CELU(activation.CELU, Module):
    pass


@dataclass(eq=False, repr=False)
class GELU(activation.GELU, Module):
    pass


@dataclass(eq=False, repr=False)
class SiLU(activation.SiLU, Module):
    pass


@dataclass(eq=False, repr=False)
class Mish(activation.Mish, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardswish(activation.Hardswish, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardsigmoid(activation.Hardsigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardshrink(activation.Hardshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Softshrink(activation.Softshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Tanhshrink(activation.Tanhshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Softplus(activation.Softplus, Module):
    pass


@dataclass(eq=False, repr=False)
class Softsign(activation.Softsign, Module):
    pass


@dataclass(eq=False, repr=False)
class Sigmoid(activation.Sigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class LogSigmoid(activation.LogSigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class Tanh(activation.Tanh, Module):
    pass


@dataclass(eq=False, repr=False)
class GLU(activation.GLU, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmax(activation.Softmax, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmin(activation.Softmin, Module):
    pass


@dataclass(eq=False, repr=False)
class LogSoftmax(activation.LogSoftmax, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmax2d(activation.Softmax2d, Module):
    pass


@dataclass(eq=False, repr=False)
class PReLU(activation.AnyPReLU, ParamModule):
    __doc__ = activation.prelu_doc("init")
    _start = "init"

    init: float = 0.25
