"""torch.nn's layers of jaxconv/_layers/loss.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import loss
from jaxconv.linen._module import Module


class HuberLoss(loss.HuberLoss, Module):
    pass


class KLDivLoss(loss.KLDivLoss, Module):
    pass


class L1Loss(loss.L1Loss, Module):
    pass


class MSELoss(loss.MSELoss, Module):
    pass


class PoissonNLLLoss(loss.PoissonNLLLoss, Module):
    pass


class SmoothL1Loss(loss.SmoothL1Loss, Module):
    pass
