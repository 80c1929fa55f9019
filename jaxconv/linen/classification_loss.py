"""torch.nn's layers of jaxconv/_layers/classification_loss.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import classification_loss
from jaxconv.linen._module import ParamModule


class CrossEntropyLoss(classification_loss.CrossEntropyLoss, ParamModule):
    pass


class NLLLoss(classification_loss.NLLLoss, ParamModule):
    pass
