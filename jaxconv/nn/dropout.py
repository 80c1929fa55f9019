"""torch.nn's layers of jaxconv/_layers/dropout.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import dropout
from jaxconv.nn._drawing import Drawing


@dataclass(eq=False, repr=False)
class AlphaDropout(dropout.AlphaDropout, Drawing):
    pass


@dataclass(eq=False, repr=False)
class Dropout(dropout.Dropout, Drawing):
    pass


@dataclass(eq=False, repr=False)
class Dropout1d(dropout.Dropout1d, Drawing):
    pass


@dataclass(eq=False, repr=False)
class Dropout2d(dropout.Dropout2d, Drawing):
    pass


@dataclass(eq=False, repr=False)
class Dropout3d(dropout.Dropout3d, Drawing):
    pass


@dataclass(eq=False, repr=False)
class FeatureAlphaDropout(dropout.FeatureAlphaDropout, Drawing):
    pass
