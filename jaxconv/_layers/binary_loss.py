"""torch.nn's losses of two classes."""

from dataclasses import dataclass

from jaxconv import functional
from jaxconv._layers._loss import BUFFER, WeightedLoss
from jaxconv._types import ArrayLike, Reduction

__all__ = ["BCELoss", "BCEWithLogitsLoss"]


@dataclass(eq=False, repr=False)
class BCELoss(WeightedLoss):
    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.binary_cross_entropy)
    _casts_target = True


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(WeightedLoss):
    weight: ArrayLike | None = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"
    pos_weight: ArrayLike | None = None

    _function = staticmethod(functional.binary_cross_entropy_with_logits)
    _casts_target = True
    _holds = ("weight", "pos_weight")
    _weights = BUFFER.replace(
        "`weight` is a buffer under torch's name", "`weight` and `pos_weight` are buffers"
    )
