"""torch.nn's layers of jaxconv/_layers/activation.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import activation
from jaxconv.linen._drawing import Drawing
from jaxconv.linen._module import Module


class CELU(activation.CELU, Module):
    pass


class ELU(activation.ELU, Module):
    pass


class GELU(activation.GELU, Module):
    pass


class SELU(activation.SELU, Module):
    pass


class Hardshrink(activation.Hardshrink, Module):
    pass


class Hardsigmoid(activation.Hardsigmoid, Module):
    pass


class Hardswish(activation.Hardswish, Module):
    pass


class Hardtanh(activation.Hardtanh, Module):
    pass


class LeakyReLU(activation.LeakyReLU, Module):
    pass


class LogSigmoid(activation.LogSigmoid, Module):
    pass


class Mish(activation.Mish, Module):
    pass


class RReLU(activation.RReLU, Drawing):
    pass


class ReLU(activation.ReLU, Module):
    pass


class ReLU6(activation.ReLU6, Module):
    pass


class SiLU(activation.SiLU, Module):
    pass


class Sigmoid(activation.Sigmoid, Module):
    pass


class Softplus(activation.Softplus, Module):
    pass


class Softshrink(activation.Softshrink, Module):
    pass


class Softsign(activation.Softsign, Module):
    pass


class Tanh(activation.Tanh, Module):
    pass


class Tanhshrink(activation.Tanhshrink, Module):
    pass


class Threshold(activation.Threshold, Module):
    pass
