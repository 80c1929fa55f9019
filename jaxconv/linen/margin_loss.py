"""torch.nn's layers of jaxconv/_layers/margin_loss.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import margin_loss
from jaxconv.linen._module import Module, ParamModule


class HingeEmbeddingLoss(margin_loss.HingeEmbeddingLoss, Module):
    pass


class MarginRankingLoss(margin_loss.MarginRankingLoss, Module):
    pass


class MultiLabelMarginLoss(margin_loss.MultiLabelMarginLoss, Module):
    pass


class MultiLabelSoftMarginLoss(margin_loss.MultiLabelSoftMarginLoss, ParamModule):
    pass


class MultiMarginLoss(margin_loss.MultiMarginLoss, ParamModule):
    pass


class SoftMarginLoss(margin_loss.SoftMarginLoss, Module):
    pass
