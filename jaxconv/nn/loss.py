"""torch.nn's losses as NNX modules."""

from dataclasses import dataclass

from jaxconv._layers import loss
from jaxconv.nn._module import Module, ParamModule


@dataclass(eq=False, repr=False)
class L1Loss(loss.L1Loss, Module):
    pass


@dataclass(eq=False, repr=False)
class MSELoss(loss.MSELoss, Module):
    pass


@dataclass(eq=False, repr=False)
class SmoothL1Loss(loss.SmoothL1Loss, Module):
    pass


@dataclass(eq=False, repr=False)
class HuberLoss(loss.HuberLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class KLDivLoss(loss.KLDivLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(loss.PoissonNLLLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class GaussianNLLLoss(loss.GaussianNLLLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class SoftMarginLoss(loss.SoftMarginLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class HingeEmbeddingLoss(loss.HingeEmbeddingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class MarginRankingLoss(loss.MarginRankingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class CosineEmbeddingLoss(loss.CosineEmbeddingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class MultiLabelMarginLoss(loss.MultiLabelMarginLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class TripletMarginLoss(loss.TripletMarginLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class TripletMarginWithDistanceLoss(loss.TripletMarginWithDistanceLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class BCELoss(loss.BCELoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(loss.BCEWithLogitsLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class NLLLoss(loss.NLLLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(loss.CrossEntropyLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class MultiMarginLoss(loss.MultiMarginLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class MultiLabelSoftMarginLoss(loss.MultiLabelSoftMarginLoss, ParamModule):
    pass
