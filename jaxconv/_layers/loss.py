"""torch.nn's losses. Each is its functional with the arguments as fields; what they mean is said there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxconv import functional
from jaxconv._args import REDUCTIONS, number
from jaxconv._layers.any_loss import BUFFER, Loss, WeightedLoss


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


@dataclass(eq=False, repr=False)
class GaussianNLLLoss(Loss):
    full: bool = field(default=False, kw_only=True)
    eps: float = field(default=1e-6, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    _function = staticmethod(functional.gaussian_nll_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class SoftMarginLoss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.soft_margin_loss)


@dataclass(eq=False, repr=False)
class HingeEmbeddingLoss(Loss):
    margin: float = 1.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.hinge_embedding_loss)


@dataclass(eq=False, repr=False)
class MarginRankingLoss(Loss):
    margin: float = 0.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.margin_ranking_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class CosineEmbeddingLoss(Loss):
    margin: float = 0.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.cosine_embedding_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class MultiLabelMarginLoss(Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multilabel_margin_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class TripletMarginLoss(Loss):
    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.triplet_margin_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class TripletMarginWithDistanceLoss(Loss):
    distance_function: Callable[[Any, Any], Any] | None = field(default=None, kw_only=True)
    margin: float = field(default=1.0, kw_only=True)
    swap: bool = field(default=False, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    _function = staticmethod(functional.triplet_margin_with_distance_loss)

    def _normalised(self) -> Mapping[str, Any]:
        self._check()
        if not self.margin > 0:
            raise ValueError(f"`margin` (={self.margin}) must be greater than 0")
        if self.distance_function is not None and not callable(self.distance_function):
            raise TypeError(f"`distance_function` must be callable, got {self.distance_function!r}")
        return {}


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


@dataclass(eq=False, repr=False)
class NLLLoss(WeightedLoss):
    weight: Any = None
    size_average: Any = None
    ignore_index: int = -100
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.nll_loss)


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(WeightedLoss):
    weight: Any = None
    size_average: Any = None
    ignore_index: int = -100
    reduce: Any = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    _function = staticmethod(functional.cross_entropy)

    def _normalised(self) -> Mapping[str, Any]:
        if number("label_smoothing", self.label_smoothing) > 1:
            raise ValueError(f"`label_smoothing` (={self.label_smoothing}) must be between 0.0 and 1.0")
        return super()._normalised()


@dataclass(eq=False, repr=False)
class MultiMarginLoss(WeightedLoss):
    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multi_margin_loss)

    def _normalised(self) -> Mapping[str, Any]:
        if self.p not in (1, 2):
            raise ValueError(f"`p` (={self.p}) must be 1 or 2")
        weight = self._declared()["weight"]
        if weight is not None and len(weight.shape) != 1:
            raise ValueError(f"`weight` of shape {weight.shape} must have one dimension")
        return super()._normalised()


@dataclass(eq=False, repr=False)
class MultiLabelSoftMarginLoss(WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multilabel_soft_margin_loss)
    _casts_target = True
