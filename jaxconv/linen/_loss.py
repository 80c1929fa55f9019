"""A loss with weights, which are buffers, as a Linen module."""

from collections.abc import Mapping
from typing import Any

from jaxconv.linen._module import ParamModule


class WeightedLoss(ParamModule):
    """A loss with weights of classes or elements."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # A module that is compiled is hashed; arrays are not hashable.
        cls.__hash__ = object.__hash__  # type: ignore[method-assign]

    def _held(self) -> Mapping[str, Any]:
        return {name: None if value is None else value.value for name, value in super()._held().items()}
