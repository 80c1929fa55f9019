"""torch.nn's layers of jaxconv/_layers/dropout.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import dropout
from jaxconv.linen._drawing import Drawing


class AlphaDropout(dropout.AlphaDropout, Drawing):
    pass


class Dropout(dropout.Dropout, Drawing):
    pass


class Dropout1d(dropout.Dropout1d, Drawing):
    pass


class Dropout2d(dropout.Dropout2d, Drawing):
    pass


class Dropout3d(dropout.Dropout3d, Drawing):
    pass


class FeatureAlphaDropout(dropout.FeatureAlphaDropout, Drawing):
    pass
