"""torch.nn.LocalResponseNorm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax

from jaxconv import functional
from jaxconv._args import check_number, positive
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike

__all__ = ["LocalResponseNorm"]


@dataclass(eq=False, repr=False)
class LocalResponseNorm(Layer):
    """torch.nn.LocalResponseNorm: the same arguments and defaults. No parameters.

    The operation is `jaxconv.functional.local_response_norm`.

    Args:
        size: over how many neighbouring channels.
        alpha: the factor of their energy.
        beta: the exponent.
        k: what is added.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    def _normalised(self) -> Mapping[str, Any]:
        positive("size", self.size)
        for name in ("alpha", "beta", "k"):
            check_number(name, getattr(self, name))
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return functional.local_response_norm(input, self.size, self.alpha, self.beta, self.k)
