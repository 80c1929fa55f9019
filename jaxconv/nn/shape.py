"""torch.nn's layers that change nothing but the shape, as NNX modules."""

from dataclasses import dataclass
from typing import Any

from jaxconv._layers import shape
from jaxconv.nn._module import Module


@dataclass(eq=False, repr=False)
class Flatten(shape.Flatten, Module):
    pass


@dataclass(eq=False, repr=False)
class Unflatten(shape.Unflatten, Module):
    pass


class Identity(shape.Identity, Module):
    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
