"""torch.nn's losses of embeddings and of a Gaussian."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax

from jaxconv import functional
from jaxconv._args import check_distance, check_margin
from jaxconv._layers._loss import Loss
from jaxconv._types import Reduction

__all__ = ["CosineEmbeddingLoss", "GaussianNLLLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"]


@dataclass(eq=False, repr=False)
class CosineEmbeddingLoss(Loss):
    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.cosine_embedding_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class GaussianNLLLoss(Loss):
    full: bool = field(default=False, kw_only=True)
    eps: float = field(default=1e-6, kw_only=True)
    reduction: Reduction = field(default="mean", kw_only=True)

    _function = staticmethod(functional.gaussian_nll_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class TripletMarginLoss(Loss):
    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: Reduction = "mean"

    _function = staticmethod(functional.triplet_margin_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class TripletMarginWithDistanceLoss(Loss):
    distance_function: Callable[[jax.Array, jax.Array], jax.Array] | None = field(default=None, kw_only=True)
    margin: float = field(default=1.0, kw_only=True)
    swap: bool = field(default=False, kw_only=True)
    reduction: Reduction = field(default="mean", kw_only=True)

    _function = staticmethod(functional.triplet_margin_with_distance_loss)

    def _normalised(self) -> Mapping[str, Any]:
        self._check()
        check_margin(self.margin)
        check_distance(self.distance_function)
        return {}
