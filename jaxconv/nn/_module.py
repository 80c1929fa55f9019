"""A layer as an NNX module: its parameters are nnx.Param attributes under torch's names."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import InitVar, dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any

import jax
import numpy as np
from flax import nnx
from flax.errors import TraceContextError

from jaxconv._given import shown
from jaxconv._habits import Habits
from jaxconv._layers.base import Documented, Layer, ParamLayer, refuse_rngs
from jaxconv._layers.signature import ConstructorSignature

_NOTHING: Mapping[str, Any] = MappingProxyType({})


RNGS = "give it by name, `rngs=nnx.Rngs(0)`"


class Strict:
    """Refuses an attribute that a layer of jaxconv's has not, since the layer would never read it.

    A class that is derived from a layer may have any attribute. So may every layer where the value is a variable or a
    module, which `state_dict` sees, or the name begins with an underscore.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        kind: Any = type(self)
        if (
            kind.__module__.startswith("jaxconv.")
            and not name.startswith("_")
            and name not in vars(self)
            and not isinstance(value, nnx.Variable | nnx.Module)
            and (name not in _attributes(kind) or (name in _CONSTRUCTING and "promote_dtype" in vars(self)))
            and name not in getattr(self, "_holds", ())
        ):
            raise TypeError(
                f"{kind.__name__} has no attribute `{name}`, so setting it would change nothing: "
                f"{_instead(kind, name)}. A class of your own, derived from {kind.__name__}, may have any attribute"
            )
        super().__setattr__(name, value)


@cache
def _attributes(kind: Any) -> frozenset[str]:
    """The attributes that may be set: the fields of a layer's class, and what the class has beside them."""
    others = {name for name in dir(kind) if name not in kind.__dataclass_fields__}
    draws = {"rngs"} if hasattr(kind, "_set_rngs") else set()
    return frozenset({f.name for f in fields(kind)} | others | draws)


def _instead(kind: Any, name: str) -> str:
    """What may have been meant by the name of an attribute."""
    if name == "training":
        return "`layer.train()` and `layer.eval()` switch the mode"
    own = [f.name for f in fields(kind) if f.name not in _CONSTRUCTING]
    near = get_close_matches(name, own, 1)
    return f"`{near[0]}` may be meant" if near else f"it has {', '.join(own)}"


_CONSTRUCTING = ("weight_init", "bias_init")
"""Arguments of the constructor that are no attributes of what is constructed."""


@dataclass(eq=False, repr=False)
class Module(Strict, Documented, Layer, nnx.Module):
    """A layer without parameters."""

    __signature__ = ConstructorSignature()

    def __post_init__(self) -> None:
        refuse_rngs(self, RNGS)
        for name, value in self._normalised().items():
            setattr(self, name, value)

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer."""
        return self._forward(*inputs, **options)


class Guarded(Habits):
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


@contextmanager
def changing(layer: Any, what: str) -> Iterator[None]:
    """Explains Flax's refusal to change a variable of a layer that the function being traced was not given."""
    try:
        yield
    except TraceContextError as error:
        raise TraceContextError(
            f"{type(layer).__name__} in training mode changes {what}, which a function under grad or jit may do "
            "only to a model that is its argument: give it every model, as `nnx.grad(lambda g, d: ...)(g, d)`, and "
            "use nnx.grad and nnx.jit for jax.grad and jax.jit; or call `model.eval()` first"
        ) from error


@dataclass(eq=False, repr=False)
class ParamModule(Guarded, Strict, Documented, ParamLayer, nnx.Module):
    """A layer with parameters, drawn in torch's order from `rngs.params()`."""

    __signature__ = ConstructorSignature()

    rngs: InitVar[nnx.Rngs | None] = field(default=None, kw_only=True)
    weight_metadata: InitVar[Mapping[str, Any]] = field(default=_NOTHING, kw_only=True)
    bias_metadata: InitVar[Mapping[str, Any]] = field(default=_NOTHING, kw_only=True)

    def __post_init__(
        self, rngs: Any, weight_metadata: Mapping[str, Any], bias_metadata: Mapping[str, Any]
    ) -> None:
        refuse_rngs(self, RNGS)
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
        held = {name: getattr(self, name) for name in self._holds}
        for name, value in held.items():
            if isinstance(value, nnx.Param) and value.get_metadata().get("requires_grad", True) is not True:
                raise ValueError(
                    f"`{name}` of {type(self).__name__} has the metadata requires_grad, which Flax does not read, so "
                    f"it would be trained: `layer.{name} = jaxconv.FrozenParam(layer.{name}[...])` freezes it, or "
                    "choose what is trained by `wrt` of nnx.Optimizer and nnx.DiffState"
                )
        return held

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Applies the layer."""
        return self._forward(self._held(), *inputs, **options)


def _key(rngs: Any, draws: bool) -> Any:
    if not draws:
        return None
    check_rngs(rngs)
    return rngs.params()


def check_rngs(rngs: Any) -> None:
    """Refuses what has no stream `params`."""
    if not callable(getattr(rngs, "params", None)):
        raise TypeError(f"`rngs` must be nnx.Rngs(seed) or jaxconv.TorchRngs(seed), got {shown(rngs)}")
