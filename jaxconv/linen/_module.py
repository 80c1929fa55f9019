"""A layer as a Linen module: its parameters are in the collection 'params' under torch's names."""

from collections.abc import Mapping
from typing import Any

from flax import linen as nn

from jaxconv._habits import LINEN_METHODS
from jaxconv._layers.base import Documented, Layer, ParamLayer, refuse_rngs

_RNGS = "a Linen module takes no random numbers, `init` takes the key"


class Module(Documented, Layer, nn.Module):
    """A layer without parameters."""

    _METHODS = LINEN_METHODS

    def __post_init__(self) -> None:
        refuse_rngs(self, _RNGS)
        self._normalised()  # A bad argument is refused where it is written, not at the first call.
        super().__post_init__()

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer."""
        return self._forward(*inputs, **options)


class ParamModule(Documented, ParamLayer, nn.Module):
    """A layer with parameters. There is no `rngs`: `init` takes the key.

    Partitioning is told by the initialisers (`nn.with_partitioning`).
    """

    _METHODS = LINEN_METHODS

    def __post_init__(self) -> None:
        refuse_rngs(self, _RNGS)
        self._normalised()
        super().__post_init__()

    def _held(self) -> Mapping[str, Any]:
        """The parameters and buffers, made at `init`; those that are switched off as None."""
        return {
            name: None if declared is None else self._value(name, declared)
            for name, declared in self._declared().items()
        }

    def _value(self, name: str, declared: Any) -> Any:
        if declared.buffer:
            return self.variable("batch_stats", name, declared.make, name, None, self.param_dtype)
        return self.param(name, lambda key: declared.make(name, key, self.param_dtype))

    @nn.compact
    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer."""
        return self._forward(self._held(), *inputs, **options)
