"""What torch.nn's poolings without parameters have in common as layers."""

from typing import Any, ClassVar

from jaxconv import functional
from jaxconv._layers.base import Layer


def named(prefix: str) -> dict[int, Any]:
    """The functionals of that name by their number of dimensions."""
    return {n: getattr(functional, f"{prefix}{n}d") for n in (1, 2, 3)}


class Pool(Layer):
    """What is described by its functional."""

    ndim: ClassVar[int]
    _functions: ClassVar[dict[int, Any]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "ndim" in vars(cls):
            function = cls._functions[cls.ndim].__name__
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments and defaults. No parameters.

    The arguments, the shapes and the errors are those of `jaxconv.functional.{function}`.
    """
