"""torch.nn's layers of jaxconv/_layers/fold.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import fold
from jaxconv.linen._module import Module


class Fold(fold.Fold, Module):
    pass


class Unfold(fold.Unfold, Module):
    pass
