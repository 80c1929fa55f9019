"""torch.nn's layers of jaxconv/_layers/embedding_loss.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import embedding_loss
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class CosineEmbeddingLoss(embedding_loss.CosineEmbeddingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class GaussianNLLLoss(embedding_loss.GaussianNLLLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class TripletMarginLoss(embedding_loss.TripletMarginLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class TripletMarginWithDistanceLoss(embedding_loss.TripletMarginWithDistanceLoss, Module):
    pass
