"""torch.nn's dropout family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from jaxconv import functional
from jaxconv._args import check_flag, check_probability
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class Drawing(Layer):
    """A layer that draws in training. A front gives it `deterministic` and a key."""

    def _draws(self, deterministic: bool) -> bool:
        """Whether a call needs a key."""
        raise NotImplementedError

    def _forward(self, input: ArrayLike, deterministic: bool, key: jax.Array | None) -> jax.Array:
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class AnyDropout(Drawing):
    """What the family shares."""

    _function: ClassVar[Callable[..., jax.Array]]

    p: float = 0.5
    inplace: bool = False

    def _normalised(self) -> Mapping[str, Any]:
        check_probability(self.p)
        check_flag("inplace", self.inplace)
        return {}

    def _draws(self, deterministic: bool) -> bool:
        return not deterministic and 0 < self.p < 1

    def _forward(self, input: ArrayLike, deterministic: bool, key: jax.Array | None) -> jax.Array:
        return type(self)._function(input, self.p, not deterministic, key=key)


def _doc(name: str) -> str:
    function = "".join("_" * (letter.isupper() and i > 0) + letter.lower() for i, letter in enumerate(name))
    return f"""torch.nn.{name}: the same positional arguments and defaults. No parameters.

    The operation is `jaxconv.functional.{function}`. In training by default, as in torch; as in Flax, `model.eval()`
    and `model.train()` (NNX) set `deterministic`, and a call may be given it.

    Args:
        p: the probability of being dropped, in [0, 1].
        inplace: accepted as in torch, and without effect: JAX's arrays are immutable, the result is the same.
        deterministic: whether nothing is dropped. Linen: here or in the call, not in both.
        rng_collection: the name of the random stream.
        rngs: NNX only: nnx.Rngs or nnx.RngStream to draw from, here or in the call (Linen's `apply` takes them).

    Raises:
        ValueError: a `p` outside [0, 1]; a call that drops without a random stream, or an input torch refuses too.
        TypeError: an argument of the wrong type.
    """


class Dropout(AnyDropout):
    __doc__ = _doc("Dropout")
    _function = staticmethod(functional.dropout)


class Dropout1d(AnyDropout):
    __doc__ = _doc("Dropout1d")
    _function = staticmethod(functional.dropout1d)


class Dropout2d(AnyDropout):
    __doc__ = _doc("Dropout2d")
    _function = staticmethod(functional.dropout2d)


class Dropout3d(AnyDropout):
    __doc__ = _doc("Dropout3d")
    _function = staticmethod(functional.dropout3d)


class AlphaDropout(AnyDropout):
    __doc__ = _doc("AlphaDropout")
    _function = staticmethod(functional.alpha_dropout)


class FeatureAlphaDropout(AnyDropout):
    __doc__ = _doc("FeatureAlphaDropout")
    _function = staticmethod(functional.feature_alpha_dropout)
