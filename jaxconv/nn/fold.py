"""torch.nn's layers of jaxconv/_layers/fold.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import fold
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class Fold(fold.Fold, Module):
    pass


@dataclass(eq=False, repr=False)
class Unfold(fold.Unfold, Module):
    pass
