"""torch.nn's activations as Linen modules."""

from jaxconv._layers import activation
from jaxconv.linen._module import Module, ParamModule
from jaxconv.linen.dropout import Drawing


class ReLU(activation.ReLU, Module):
    pass


class ReLU6(activation.ReLU6, Module):
    pass


class Hardtanh(activation.Hardtanh, Module):
    pass


class Threshold(activation.Threshold, Module):
    pass


class LeakyReLU(activation.LeakyReLU, Module):
    pass


class RReLU(activation.RReLU, Drawing):
    pass


class ELU(activation.ELU, Module):
    pass


class SELU(activation.SELU, Module):
    pass


class CELU(activation.CELU, Module):
    pass


class GELU(activation.GELU, Module):
    pass


class SiLU(activation.SiLU, Module):
    pass


class Mish(activation.Mish, Module):
    pass


class Hardswish(activation.Hardswish, Module):
    pass


class Hardsigmoid(activation.Hardsigmoid, Module):
    pass


class Hardshrink(activation.Hardshrink, Module):
    pass


class Softshrink(activation.Softshrink, Module):
    pass


class Tanhshrink(activation.Tanhshrink, Module):
    pass


class Softplus(activation.Softplus, Module):
    pass


class Softsign(activation.Softsign, Module):
    pass


class Sigmoid(activation.Sigmoid, Module):
    pass


class LogSigmoid(activation.LogSigmoid, Module):
    pass


class Tanh(activation.Tanh, Module):
    pass


class GLU(activation.GLU, Module):
    pass


class Softmax(activation.Softmax, Module):
    pass


class Softmin(activation.Softmin, Module):
    pass


class LogSoftmax(activation.LogSoftmax, Module):
    pass


class Softmax2d(activation.Softmax2d, Module):
    pass


class PReLU(activation.AnyPReLU, ParamModule):
    __doc__ = activation.prelu_doc("init_value")
    _start = "init_value"

    # `init` is a method of every Linen module.
    init_value: float = 0.25
