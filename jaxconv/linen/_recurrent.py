"""A recurrent layer, which drops between its layers in training, as a Linen module."""

from dataclasses import field
from typing import Any

import jax
from flax import linen as nn

from jaxconv._layers import recurrent
from jaxconv._types import ArrayLike
from jaxconv.linen._module import ParamModule


class Recurrent(recurrent.Recurrent, ParamModule):
    """A layer with parameters that drops between its layers in training."""

    deterministic: bool | None = field(default=False, kw_only=True)
    rng_collection: str = field(default="dropout", kw_only=True)

    @nn.compact
    def __call__(
        self,
        input: ArrayLike,
        hx: Any = None,
        deterministic: bool | None = None,
        rng: jax.Array | None = None,
    ) -> Any:
        """Runs the layer; `rng` is a key instead of the collection's."""
        deterministic = nn.merge_param("deterministic", self.deterministic, deterministic)
        if rng is None and self._draws(deterministic):
            rng = self.make_rng(self.rng_collection)
        return self._forward(self._held(), input, hx, deterministic, rng)
