"""torch.nn.Identity as an NNX module."""

from typing import Any

from jaxconv._layers import identity
from jaxconv.nn._module import Module

__all__ = ["Identity"]


class Identity(identity.Identity, Module):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
