"""torch.nn's layers of jaxconv/_layers/softmax.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import softmax
from jaxconv.linen._module import Module


class LogSoftmax(softmax.LogSoftmax, Module):
    pass


class Softmax(softmax.Softmax, Module):
    pass


class Softmax2d(softmax.Softmax2d, Module):
    pass


class Softmin(softmax.Softmin, Module):
    pass
