"""A recurrent layer, which drops between its layers in training, as an NNX module."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
from flax import nnx

from jaxconv._layers import recurrent
from jaxconv._types import ArrayLike
from jaxconv.nn._drawing import Draws
from jaxconv.nn._module import ParamModule


@dataclass(eq=False, repr=False)
class Recurrent(Draws, recurrent.Recurrent, ParamModule):
    """A layer with parameters that drops between its layers in training."""

    deterministic: bool | None = field(default=False, kw_only=True)
    rng_collection: str = field(default="dropout", kw_only=True)

    def __post_init__(
        self, rngs: Any, weight_metadata: Mapping[str, Any], bias_metadata: Mapping[str, Any]
    ) -> None:
        super().__post_init__(rngs, weight_metadata, bias_metadata)
        self._set_rngs(rngs if self._draws(deterministic=False) else None)

    def __call__(
        self,
        input: ArrayLike,
        hx: Any = None,
        *,
        deterministic: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | jax.Array | None = None,
    ) -> Any:
        """Runs the layer; `deterministic` and `rngs` come before those of the constructor."""
        return self._forward(self._held(), input, hx, *self._mode_and_key(deterministic, rngs))
