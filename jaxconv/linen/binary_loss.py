"""torch.nn's layers of jaxconv/_layers/binary_loss.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import binary_loss
from jaxconv.linen._module import ParamModule


class BCELoss(binary_loss.BCELoss, ParamModule):
    pass


class BCEWithLogitsLoss(binary_loss.BCEWithLogitsLoss, ParamModule):
    pass
