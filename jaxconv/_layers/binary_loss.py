"""torch.nn's losses of two classes."""

from dataclasses import dataclass
from typing import Any

from jaxconv import functional
from jaxconv._layers._loss import BUFFER, WeightedLoss

__all__ = ["BCELoss", "BCEWithLogitsLoss"]


@dataclass(eq=False, repr=False)
class BCELoss(WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.binary_cross_entropy)
    _casts_target = True


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    pos_weight: Any = None

    _function = staticmethod(functional.binary_cross_entropy_with_logits)
    _casts_target = True
    _holds = ("weight", "pos_weight")
    _weights = BUFFER.replace(
        "`weight` is a buffer under torch's name", "`weight` and `pos_weight` are buffers"
    )
