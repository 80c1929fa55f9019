"""torch.nn's layers of jaxconv/_layers/classification_loss.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import classification_loss
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(classification_loss.CrossEntropyLoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class NLLLoss(classification_loss.NLLLoss, ParamModule):
    pass
