"""torch.nn's losses that compare number with number."""

from dataclasses import dataclass
from typing import Literal

from jaxconv import functional
from jaxconv._args import REDUCTIONS
from jaxconv._layers._loss import Loss
from jaxconv._types import Reduction

__all__ = ["HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "PoissonNLLLoss", "SmoothL1Loss"]


@dataclass(eq=False, repr=False)
class L1Loss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.l1_loss)


@dataclass(eq=False, repr=False)
class MSELoss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.mse_loss)


@dataclass(eq=False, repr=False)
class SmoothL1Loss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"
    beta: float = 1.0

    _function = staticmethod(functional.smooth_l1_loss)


@dataclass(eq=False, repr=False)
class HuberLoss(Loss):
    reduction: Reduction = "mean"
    delta: float = 1.0

    _function = staticmethod(functional.huber_loss)


@dataclass(eq=False, repr=False)
class KLDivLoss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction | Literal["batchmean"] = "mean"
    log_target: bool = False

    _function = staticmethod(functional.kl_div)
    _reductions = (*REDUCTIONS, "batchmean")


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(Loss):
    log_input: bool = True
    full: bool = False
    size_average: bool | None = None
    eps: float = 1e-8
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.poisson_nll_loss)
