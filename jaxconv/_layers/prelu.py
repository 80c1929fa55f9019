"""torch.nn.PReLU but for the name of its argument `init`, which Linen has a method of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from jaxconv import functional, init
from jaxconv._args import number, positive
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._types import ArrayLike


@dataclass(eq=False, repr=False)
class AnyPReLU(ParamLayer):
    """What PReLU is but for the name of the slope that it starts with."""

    num_parameters: int = 1

    _holds = ("weight",)
    _start: ClassVar[str]

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        number(self._start, getattr(self, self._start))
        positive("num_parameters", self.num_parameters)
        return {}

    def _declared(self) -> dict[str, Declared | None]:
        start = self.weight_init or init.constant(getattr(self, self._start))
        return {"weight": Declared((self.num_parameters,), start, draws=self.weight_init is not None)}

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        x, weight = self._cast(input, held["weight"])
        return functional.prelu(x, weight)


def prelu_doc(start: str) -> str:
    """The docstring of a front's PReLU."""
    return f"""torch.nn.PReLU: the same positional arguments and defaults, and `dtype`, `param_dtype` of Flax.

    The parameter `weight` (num_parameters,) is the slope of what is negative. The operation is
    `jaxconv.functional.prelu`.

    Args:
        num_parameters: 1, or the number of channels.
        {start}: what the slope starts with, torch's `init`.

    Raises:
        ValueError: a number that is not positive; an input with another number of channels.
        TypeError: an argument of the wrong type.
    """
