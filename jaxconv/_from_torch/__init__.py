"""A torch network as an NNX module: `from_torch`."""

from jaxconv._from_torch.convert import from_torch as from_torch
from jaxconv._from_torch.module import TorchNetwork as TorchNetwork
