"""torch.nn's layers of jaxconv/_layers/margin_loss.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import margin_loss
from jaxconv.nn._module import Module, ParamModule


@dataclass(eq=False, repr=False)
class HingeEmbeddingLoss(margin_loss.HingeEmbeddingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class MarginRankingLoss(margin_loss.MarginRankingLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class MultiLabelMarginLoss(margin_loss.MultiLabelMarginLoss, Module):
    pass


@dataclass(eq=False, repr=False)
class MultiLabelSoftMarginLoss(margin_loss.MultiLabelSoftMarginLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class MultiMarginLoss(margin_loss.MultiMarginLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class SoftMarginLoss(margin_loss.SoftMarginLoss, Module):
    pass
