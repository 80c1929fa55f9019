"""What torch.nn's activations have in common as layers: a functional, and its arguments as fields."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxconv._args import check_flag, integer
from jaxconv._layers.base import Layer
from jaxconv._types import ArrayLike


@dataclass(eq=False, repr=False)
class Activation(Layer):
    """A functional whose arguments are the fields."""

    _function: ClassVar[Callable[..., jax.Array]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "_function" in vars(cls):
            name = cls._function.__name__
            summary = (cls._function.__doc__ or "").partition("\n")[0]
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments and defaults. No parameters.

    {summary} The arguments and errors are those of `jaxconv.functional.{name}`.
    """

    def _options(self) -> dict[str, Any]:
        known = inspect.signature(type(self)._function).parameters
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name in known}

    def _normalised(self) -> Mapping[str, Any]:
        options = self._options()
        if "inplace" in options:
            check_flag("inplace", options["inplace"])
        if "dim" in options:
            integer("dim", options["dim"])
        else:
            # The functional judges its arguments, here on an array that costs nothing.
            jax.eval_shape(lambda x: type(self)._function(x, **options), jnp.zeros(2, jnp.float32))
        return {}

    def _forward(self, input: ArrayLike) -> jax.Array:
        return type(self)._function(input, **self._options())
