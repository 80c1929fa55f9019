"""torch.nn.Identity."""

from typing import TypeVar

from jaxconv._layers.base import Layer

T = TypeVar("T")


class Identity(Layer):
    """torch.nn.Identity: gives its input back. Whatever it is constructed with is not used, as in torch."""

    def _forward(self, input: T) -> T:
        return input
