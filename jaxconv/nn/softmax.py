"""torch.nn's layers of jaxconv/_layers/softmax.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import softmax
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class LogSoftmax(softmax.LogSoftmax, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmax(softmax.Softmax, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmax2d(softmax.Softmax2d, Module):
    pass


@dataclass(eq=False, repr=False)
class Softmin(softmax.Softmin, Module):
    pass
