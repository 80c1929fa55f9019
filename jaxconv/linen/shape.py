"""torch.nn's layers that change nothing but the shape, as Linen modules."""

from typing import Any

from jaxconv._layers import shape
from jaxconv.linen._module import Module


class Flatten(shape.Flatten, Module):
    pass


class Unflatten(shape.Unflatten, Module):
    pass


class _Identity(shape.Identity, Module):
    pass


class Identity(_Identity):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(**{key: kwargs[key] for key in ("name", "parent") if key in kwargs})
