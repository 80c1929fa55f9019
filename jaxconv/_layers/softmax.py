"""torch.nn's softmax family."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import functional
from jaxconv._layers._activation import Activation
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike

__all__ = ["LogSoftmax", "Softmax", "Softmax2d", "Softmin"]


@dataclass(eq=False, repr=False)
class _AnySoftmax(Activation):
    dim: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        return {} if self.dim is None else super()._normalised()

    def _forward(self, input: ArrayLike) -> jax.Array:
        # The warning about a `dim` of None is for whoever calls the layer.
        return type(self)._function(input, self.dim, _stacklevel=5)


class Softmax(_AnySoftmax):
    _function = staticmethod(functional.softmax)


class Softmin(_AnySoftmax):
    _function = staticmethod(functional.softmin)


class LogSoftmax(_AnySoftmax):
    _function = staticmethod(functional.log_softmax)


@dataclass(eq=False, repr=False)
class Softmax2d(Layer):
    """torch.nn.Softmax2d: softmax over the channels of (N, C, H, W) or (C, H, W). No arguments, no parameters.

    Raises:
        ValueError: an input of another rank.
    """

    def _forward(self, input: ArrayLike) -> jax.Array:
        if jnp.ndim(input) not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, but got `input` of shape {jnp.shape(input)}"
            )
        return functional.softmax(input, -3)
