"""torch.nn's layers of jaxconv/_layers/loss.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import loss
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class HuberLoss(loss.HuberLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class KLDivLoss(loss.KLDivLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class L1Loss(loss.L1Loss, Module):
    pass


@dataclass(eq=False, repr=False)
class MSELoss(loss.MSELoss, Module):
    pass


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(loss.PoissonNLLLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class SmoothL1Loss(loss.SmoothL1Loss, Module):
    pass
