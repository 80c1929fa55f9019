"""torch.nn's layers of jaxconv/_layers/binary_loss.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import binary_loss
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class BCELoss(binary_loss.BCELoss, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(binary_loss.BCEWithLogitsLoss, ParamModule):
    pass
