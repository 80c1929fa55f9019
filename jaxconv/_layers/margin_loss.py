"""torch.nn's losses with a margin."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jaxconv import functional
from jaxconv._args import check_power
from jaxconv._layers._loss import Loss, WeightedLoss
from jaxconv._types import ArrayLike, Reduction

__all__ = [
    "HingeEmbeddingLoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "SoftMarginLoss",
]


@dataclass(eq=False, repr=False)
class SoftMarginLoss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.soft_margin_loss)


@dataclass(eq=False, repr=False)
class HingeEmbeddingLoss(Loss):
    margin: float = 1.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.hinge_embedding_loss)


@dataclass(eq=False, repr=False)
class MarginRankingLoss(Loss):
    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.margin_ranking_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class MultiMarginLoss(WeightedLoss):
    p: int = 1
    margin: float = 1.0
    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.multi_margin_loss)

    def _normalised(self) -> Mapping[str, Any]:
        check_power(self.p)
        weight = self._declared()["weight"]
        if weight is not None and len(weight.shape) != 1:
            raise ValueError(f"`weight` of shape {weight.shape} must have one dimension")
        return super()._normalised()


@dataclass(eq=False, repr=False)
class MultiLabelMarginLoss(Loss):
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.multilabel_margin_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class MultiLabelSoftMarginLoss(WeightedLoss):
    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.multilabel_soft_margin_loss)
    _casts_target = True
