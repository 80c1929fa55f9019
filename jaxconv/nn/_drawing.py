"""A layer that draws in training, as an NNX module."""

from dataclasses import dataclass, field
from typing import Any

import jax
from flax import nnx

from jaxconv._given import shown
from jaxconv._jax_internals import first_from
from jaxconv._layers import dropout
from jaxconv._types import ArrayLike
from jaxconv.nn._module import Module, changing


class Draws:
    """What layers share that draw in training, as `flax.nnx.Dropout` does."""

    deterministic: bool | None
    rng_collection: str
    rngs: Any

    def _set_rngs(self, rngs: Any) -> None:
        """Gives the layer a stream of its own, so that it draws the same whatever the other layers draw."""
        self.rngs = nnx.data(
            None if rngs is None else nnx.RngStream(_key(rngs, self.rng_collection), tag=self.rng_collection)
        )

    def _drawing(self) -> bool:
        """Whether a call draws in the layer's present mode."""
        return bool(self._draws(bool(self.deterministic)))  # type: ignore[attr-defined]

    def _mode_and_key(self, deterministic: bool | None, rngs: Any) -> tuple[bool, Any]:
        """Whether a call is deterministic, and the key of one that draws."""
        deterministic = first_from(
            deterministic,
            self.deterministic,
            error_msg=f"`deterministic` must be given to {type(self).__name__} or to its call",
        )
        if not self._draws(deterministic):  # type: ignore[attr-defined]
            return deterministic, None
        rngs = self.rngs if rngs is None else rngs
        if rngs is None:
            raise ValueError(
                f"{type(self).__name__} needs `rngs` in training: "
                f"{type(self).__name__}(..., rngs=nnx.Rngs(0)), or in the call; `model.eval()` switches it off"
            )
        with changing(self, "its random stream"):
            return deterministic, _key(rngs, self.rng_collection)

    def set_view(self, deterministic: bool | None = None) -> None:
        """What `nnx.view` calls.

        Args:
            deterministic: whether nothing is dropped; None changes nothing.
        """
        if deterministic is not None:
            self.deterministic = deterministic


@dataclass(eq=False, repr=False)
class Drawing(Draws, dropout.Drawing, Module):
    """A layer without parameters that draws in training."""

    deterministic: bool | None = field(default=False, kw_only=True)
    rng_collection: str = field(default="dropout", kw_only=True)
    rngs: nnx.Rngs | nnx.RngStream | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set_rngs(self.rngs)

    def __call__(
        self,
        input: ArrayLike,
        *,
        deterministic: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | jax.Array | None = None,
    ) -> jax.Array:
        """Applies the layer; the arguments come before those of the constructor."""
        return self._forward(input, *self._mode_and_key(deterministic, rngs))


def _key(rngs: Any, collection: str) -> Any:
    """The next key of a random stream, or of the one with that name among several; a key is itself."""
    if isinstance(rngs, jax.Array):
        return rngs
    stream = rngs if isinstance(rngs, nnx.RngStream) else getattr(rngs, collection, None)
    if not callable(stream):
        raise TypeError(f"`rngs` must be nnx.Rngs, nnx.RngStream or jaxconv.TorchRngs, got {shown(rngs)}")
    return stream()
