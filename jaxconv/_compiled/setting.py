"""`Setting`: one way to compile a model."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Setting:
    """One way to compile a model.

    Attributes:
        lowering: as of `jaxconv.lowering`; None for the fastest known for each convolution.
        options: XLA's compiler options, names and values.
        constants: whether the parameters are part of the program instead of arguments.
        blocks: whether feature maps stay in blocks of channels from one kernel to the next.
    """

    lowering: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    constants: bool = False
    blocks: bool = True

    def __str__(self) -> str:
        words = [f"lowering {self.lowering}"] if self.lowering else []
        words += [f"{name}={value}" for name, value in self.options]
        words += ["parameters as constants"] * self.constants
        words += [] if self.blocks else ["not in blocks of channels"]
        return ", ".join(words) or "as it is"
