"""torch.nn's losses as Linen modules."""

from collections.abc import Mapping
from typing import Any

from jaxconv._layers import loss
from jaxconv.linen._module import Module, ParamModule


class _WeightedLoss(ParamModule):
    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A module that is compiled is hashed; arrays are not hashable.
        cls.__hash__ = object.__hash__  # type: ignore[method-assign]

    def _held(self) -> Mapping[str, Any]:
        return {name: None if value is None else value.value for name, value in super()._held().items()}


class L1Loss(loss.L1Loss, Module):
    pass


class MSELoss(loss.MSELoss, Module):
    pass


class SmoothL1Loss(loss.SmoothL1Loss, Module):
    pass


class HuberLoss(loss.HuberLoss, Module):
    pass


class KLDivLoss(loss.KLDivLoss, Module):
    pass


class PoissonNLLLoss(loss.PoissonNLLLoss, Module):
    pass


class GaussianNLLLoss(loss.GaussianNLLLoss, Module):
    pass


class SoftMarginLoss(loss.SoftMarginLoss, Module):
    pass


class HingeEmbeddingLoss(loss.HingeEmbeddingLoss, Module):
    pass


class MarginRankingLoss(loss.MarginRankingLoss, Module):
    pass


class CosineEmbeddingLoss(loss.CosineEmbeddingLoss, Module):
    pass


class MultiLabelMarginLoss(loss.MultiLabelMarginLoss, Module):
    pass


class TripletMarginLoss(loss.TripletMarginLoss, Module):
    pass


class TripletMarginWithDistanceLoss(loss.TripletMarginWithDistanceLoss, Module):
    pass


class BCELoss(loss.BCELoss, _WeightedLoss):
    pass


class BCEWithLogitsLoss(loss.BCEWithLogitsLoss, _WeightedLoss):
    pass


class NLLLoss(loss.NLLLoss, _WeightedLoss):
    pass


class CrossEntropyLoss(loss.CrossEntropyLoss, _WeightedLoss):
    pass


class MultiMarginLoss(loss.MultiMarginLoss, _WeightedLoss):
    pass


class MultiLabelSoftMarginLoss(loss.MultiLabelSoftMarginLoss, _WeightedLoss):
    pass
