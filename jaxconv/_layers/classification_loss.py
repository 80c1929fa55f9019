"""torch.nn's losses of classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxconv import functional
from jaxconv._args import check_smoothing
from jaxconv._layers._loss import WeightedLoss
from jaxconv._types import ArrayLike, Reduction

__all__ = ["CrossEntropyLoss", "NLLLoss"]


@dataclass(eq=False, repr=False)
class NLLLoss(WeightedLoss):
    weight: ArrayLike | None = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.nll_loss)


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(WeightedLoss):
    weight: ArrayLike | None = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: Reduction = "mean"
    label_smoothing: float = 0.0

    _function = staticmethod(functional.cross_entropy)

    def _normalised(self) -> Mapping[str, Any]:
        check_smoothing(self.label_smoothing)
        return super()._normalised()
