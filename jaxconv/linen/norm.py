"""torch.nn's layers of jaxconv/_layers/norm.py as Linen modules; written by tools/fronts.py."""

from jaxconv._layers import norm
from jaxconv.linen._module import ParamModule


class GroupNorm(norm.GroupNorm, ParamModule):
    pass


class LayerNorm(norm.LayerNorm, ParamModule):
    pass


class RMSNorm(norm.RMSNorm, ParamModule):
    pass
