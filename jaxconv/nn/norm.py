"""torch.nn's layers of jaxconv/_layers/norm.py as NNX modules; written by tools/fronts.py."""

from dataclasses import dataclass

from jaxconv._layers import norm
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class GroupNorm(norm.GroupNorm, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class LayerNorm(norm.LayerNorm, ParamModule):
    pass


@dataclass(eq=False, repr=False)
class RMSNorm(norm.RMSNorm, ParamModule):
    pass
