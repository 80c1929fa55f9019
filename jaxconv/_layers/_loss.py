"""What torch.nn's losses have in common as layers: a functional, its arguments as fields, and weights as buffers."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxconv._args import REDUCTIONS, array, check_flag, check_reduction, integer, number
from jaxconv._layers.base import Declared, Layer, ParamLayer
from jaxconv._types import ArrayLike

_NUMBERS = ("beta", "delta", "margin", "eps", "label_smoothing")
_FLAGS = ("log_target", "log_input", "full", "swap")


class _AnyLoss:
    """A functional whose arguments, but for the arrays of a call, are the fields."""

    _function: ClassVar[Callable[..., jax.Array]]
    _reductions: ClassVar[tuple[str, ...]] = REDUCTIONS
    _weights: ClassVar[str] = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "_function" in vars(cls):
            name = cls._function.__name__
            summary = (cls._function.__doc__ or "").partition("\n")[0]
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments and defaults. No parameters.

    {summary}
    The arguments and errors are those of `jaxconv.functional.{name}`.{cls._weights}
    """

    def _options(self) -> dict[str, Any]:
        known = inspect.signature(type(self)._function).parameters
        held = getattr(self, "_holds", ())
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if name in known and name not in held}

    def _check(self) -> None:
        """Refuses bad arguments where the layer is made."""
        options = self._options()
        legacy = (options.get("size_average"), options.get("reduce"))
        check_reduction(options["reduction"], *legacy, self._reductions)
        for name in _NUMBERS:
            if name in options:
                number(name, options[name])
        for name in _FLAGS:
            if name in options:
                check_flag(name, options[name])
        if "ignore_index" in options:
            integer("ignore_index", options["ignore_index"])


@dataclass(eq=False, repr=False)
class Loss(_AnyLoss, Layer):
    _inputs: ClassVar[int] = 2
    """How many floating arrays of one shape the functional takes; 0: it takes others."""

    def _normalised(self) -> Mapping[str, Any]:
        self._check()
        if self._inputs:  # The functional judges its arguments, here on arrays that cost nothing.
            arrays = [jnp.zeros((2, 2), jnp.float32)] * self._inputs
            jax.eval_shape(lambda *xs: type(self)._function(*xs, **self._options()), *arrays)
        return {}

    def _forward(self, *inputs: Any) -> jax.Array:
        return type(self)._function(*inputs, **self._options())


BUFFER = """

    `weight` is a buffer under torch's name, of its own dtype: nnx.BatchStat, or Linen's collection 'batch_stats'; None
    holds nothing. `dtype` and `promote_dtype` cast the input and the weights (Flax). There is no `weight_init`: the
    weight is an argument."""


@dataclass(eq=False, repr=False)
class WeightedLoss(_AnyLoss, ParamLayer):
    """A loss with weights of classes or elements, which are buffers."""

    _holds: ClassVar[tuple[str, ...]] = ("weight",)
    _weights = BUFFER
    _casts_target: ClassVar[bool] = False

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        self._check()
        for name in ("weight_init", "bias_init"):
            if getattr(self, name) is not None:
                raise ValueError(f"`{name}` must be None: {type(self).__name__} has no parameters")
        self._declared()
        return {}

    def _declared(self) -> dict[str, Declared | None]:
        return {name: _given(name, getattr(self, name)) for name in self._holds}

    def _forward(self, held: Mapping[str, Any], input: ArrayLike, target: ArrayLike) -> jax.Array:
        weights = [held[name] for name in self._holds]
        if self._casts_target:
            x, t, *weights = self._cast(input, target, *weights, names=("input", None))
        else:
            (x, *weights), t = self._cast(input, *weights), target
        return type(self)._function(x, t, **self._options(), **dict(zip(self._holds, weights, strict=True)))


def _given(name: str, value: Any) -> Declared | None:
    """A buffer that starts as the argument."""
    if value is None:
        return None
    weight = array(name, value)
    return Declared(weight.shape, lambda key, shape, dtype: weight, weight.dtype, buffer=True, draws=False)
