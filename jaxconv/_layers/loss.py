"""torch.nn's losses that compare number with number."""

from dataclasses import dataclass
from typing import Any

from jaxconv import functional
from jaxconv._args import REDUCTIONS
from jaxconv._layers._loss import Loss

__all__ = ["HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss"]


@dataclass(eq=False, repr=False)
class L1Loss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.l1_loss)


@dataclass(eq=False, repr=False)
class MSELoss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.mse_loss)


@dataclass(eq=False, repr=False)
class SmoothL1Loss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    beta: float = 1.0

    _function = staticmethod(functional.smooth_l1_loss)


@dataclass(eq=False, repr=False)
class HuberLoss(Loss):
    reduction: str = "mean"
    delta: float = 1.0

    _function = staticmethod(functional.huber_loss)


@dataclass(eq=False, repr=False)
class KLDivLoss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    log_target: bool = False

    _function = staticmethod(functional.kl_div)
    _reductions = (*REDUCTIONS, "batchmean")


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(Loss):
    log_input: bool = True
    full: bool = False
    size_average: Any = None
    eps: float = 1e-8
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.poisson_nll_loss)
