"""A layer as an NNX module: its parameters are nnx.Param attributes under torch's names."""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field
from types import MappingProxyType
from typing import Any

import jax
import numpy as np
from flax import nnx

from jaxconv._layers.base import Documented, Layer, ParamLayer
from jaxconv._layers.signature import ConstructorSignature

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(eq=False, repr=False)
class Module(Documented, Layer, nnx.Module):
    """A layer without parameters."""

    __signature__ = ConstructorSignature()

    def __post_init__(self) -> None:
        for name, value in self._normalised().items():
            setattr(self, name, value)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer; the class's docstring says what it computes, and the shapes."""
        return self._forward(*inputs, **options)


class Guarded:
    """Refuses an array in the place of a parameter: it would be in no state_dict, and no optimizer would see it."""

    def __setattr__(self, name: str, value: Any) -> None:
        is_array = (
            isinstance(value, jax.Array | np.ndarray) or type(value).__module__.partition(".")[0] == "torch"
        )
        held = vars(self).get(name, _NOTHING)
        switched_off = held is None and name in getattr(self, "_holds", ())
        if is_array and (isinstance(held, nnx.Variable) or switched_off):
            own = type(held) if isinstance(held, nnx.Variable) else nnx.Param
            article, package = ("a", "jaxconv") if own.__module__.startswith("jaxconv") else ("an", "nnx")
            kind = f"{package}.{own.__name__}"
            line = f"`layer.{name} = {kind}(array)`"
            if not switched_off:
                line = f"`layer.{name}[...] = array` changes this layer, {line} puts another one in its place"
            raise TypeError(
                f"`{name}` is {article} {kind}, got a bare {type(value).__name__}, which state_dict, gradients and "
                f"optimizers do not see: {line}, and jaxconv.surgery.replace(model, {{name: array}}) makes a new model"
            )
        super().__setattr__(name, value)


@dataclass(eq=False, repr=False)
class ParamModule(Guarded, Documented, ParamLayer, nnx.Module):
    """A layer with parameters, drawn in torch's order from `rngs.params()`."""

    __signature__ = ConstructorSignature()

    rngs: InitVar[nnx.Rngs | None] = field(default=None, kw_only=True)
    weight_metadata: InitVar[Mapping[str, Any]] = field(default=_NOTHING, kw_only=True)
    bias_metadata: InitVar[Mapping[str, Any]] = field(default=_NOTHING, kw_only=True)

    def __post_init__(
        self, rngs: Any, weight_metadata: Mapping[str, Any], bias_metadata: Mapping[str, Any]
    ) -> None:
        for name, value in self._normalised().items():
            setattr(self, name, value)
        metadata = {"weight": weight_metadata, "bias": bias_metadata}
        for name, declared in self._declared().items():
            # nnx.data: until now an attribute like `bias` was the argument, which is no data.
            if declared is None:
                setattr(self, name, nnx.data(None))
                continue
            value = declared.make(name, _key(rngs, declared.draws), self.param_dtype)
            kind = nnx.BatchStat if declared.buffer else nnx.Param
            # A layer may have several of each: weight_ih_l0, weight_hh_l0.
            setattr(self, name, nnx.data(kind(value, **metadata.get(name.partition("_")[0], {}))))
        # Two modules that were built alike are alike as pytrees, even if each was given a function of its own.
        del self.weight_init, self.bias_init

    def _held(self) -> dict[str, Any]:
        """The parameters and buffers, those that are switched off as None."""
        return {name: getattr(self, name) for name in self._holds}

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer; the class's docstring says what it computes, and the shapes."""
        return self._forward(self._held(), *inputs, **options)


def _key(rngs: Any, draws: bool) -> Any:
    if not draws:
        return None
    check_rngs(rngs)
    return rngs.params()


def check_rngs(rngs: Any) -> None:
    """Refuses what has no stream `params`."""
    if not callable(getattr(rngs, "params", None)):
        raise TypeError(
            f"`rngs` must be nnx.Rngs(seed) or jaxconv.TorchRngs(seed), got {rngs!r} of type {type(rngs).__name__}"
        )
