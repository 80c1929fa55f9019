"""torch.nn.Identity."""

from typing import Any

from jaxconv._layers.base import Layer


class Identity(Layer):
    """torch.nn.Identity: gives its input back. Whatever it is constructed with is not used, as in torch."""

    def _forward(self, input: Any) -> Any:
        return input
