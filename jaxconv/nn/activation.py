"""torch.nn's layers of jaxconv/_layers/activation.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import activation
from jaxconv.nn._drawing import Drawing
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class CELU(activation.CELU, Module):
    pass


@dataclass(eq=False, repr=False)
class ELU(activation.ELU, Module):
    pass


@dataclass(eq=False, repr=False)
class GELU(activation.GELU, Module):
    pass


@dataclass(eq=False, repr=False)
class SELU(activation.SELU, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardshrink(activation.Hardshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardsigmoid(activation.Hardsigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardswish(activation.Hardswish, Module):
    pass


@dataclass(eq=False, repr=False)
class Hardtanh(activation.Hardtanh, Module):
    pass


@dataclass(eq=False, repr=False)
class LeakyReLU(activation.LeakyReLU, Module):
    pass


@dataclass(eq=False, repr=False)
class LogSigmoid(activation.LogSigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class Mish(activation.Mish, Module):
    pass


@dataclass(eq=False, repr=False)
class RReLU(activation.RReLU, Drawing):
    pass


@dataclass(eq=False, repr=False)
class ReLU(activation.ReLU, Module):
    pass


@dataclass(eq=False, repr=False)
class ReLU6(activation.ReLU6, Module):
    pass


@dataclass(eq=False, repr=False)
class SiLU(activation.SiLU, Module):
    pass


@dataclass(eq=False, repr=False)
class Sigmoid(activation.Sigmoid, Module):
    pass


@dataclass(eq=False, repr=False)
class Softplus(activation.Softplus, Module):
    pass


@dataclass(eq=False, repr=False)
class Softshrink(activation.Softshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Softsign(activation.Softsign, Module):
    pass


@dataclass(eq=False, repr=False)
class Tanh(activation.Tanh, Module):
    pass


@dataclass(eq=False, repr=False)
class Tanhshrink(activation.Tanhshrink, Module):
    pass


@dataclass(eq=False, repr=False)
class Threshold(activation.Threshold, Module):
    pass
