"""torch.nn.Identity as a Linen module."""

from typing import Any

from jaxconv._layers import identity
from jaxconv.linen._module import Module

__all__ = ["Identity"]


class _Identity(identity.Identity, Module):
    pass


class Identity(_Identity):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(**{key: kwargs[key] for key in ("name", "parent") if key in kwargs})
