"""Right ports, written as other people write Flax code, each with one fault that has to be found."""

from . import calling, layout, order, plain, structures, torch_forms, transformed, weights
from .port import Port

MODULES = (layout, calling, transformed, weights, structures, torch_forms, plain, order)
PORTS: dict[str, Port] = {port.name: port for module in MODULES for port in module.PORTS}
