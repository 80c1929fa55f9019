"""A layer that draws in training, as a Linen module."""

from dataclasses import field

import jax
from flax import linen as nn

from jaxconv._layers import dropout
from jaxconv._types import ArrayLike
from jaxconv.linen._module import Module


class Drawing(dropout.Drawing, Module):
    """A layer that draws in training, as `flax.linen.Dropout` does."""

    deterministic: bool | None = field(default=None, kw_only=True)
    rng_collection: str = field(default="dropout", kw_only=True)

    @nn.compact
    def __call__(
        self, input: ArrayLike, deterministic: bool | None = None, rng: jax.Array | None = None
    ) -> jax.Array:
        """Applies the layer; `rng` is a key instead of the collection's."""
        deterministic = nn.merge_param("deterministic", self.deterministic, deterministic)
        if rng is None and self._draws(deterministic):
            rng = self.make_rng(self.rng_collection)
        return self._forward(input, deterministic, rng)
