"""torch.nn's layers of jaxconv/_layers/embedding_loss.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import embedding_loss
from jaxconv.linen._module import Module


class CosineEmbeddingLoss(embedding_loss.CosineEmbeddingLoss, Module):
    pass


class GaussianNLLLoss(embedding_loss.GaussianNLLLoss, Module):
    pass


class TripletMarginLoss(embedding_loss.TripletMarginLoss, Module):
    pass


class TripletMarginWithDistanceLoss(embedding_loss.TripletMarginWithDistanceLoss, Module):
    pass
