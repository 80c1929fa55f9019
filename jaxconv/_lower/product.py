"""One of the three products that a convolution and its gradients consist of.

<dy, conv(x, weight)> is linear in each of x, weight and dy. Its derivative by one of the three is a function of the
other two: by dy it is the convolution, by x and by weight are the gradients, and any derivative of one of these
functions is another one of them. So there are three functions to be good at, and no further ones at any order.
"""

import math
from dataclasses import dataclass
from typing import Any

import jax
from jax import lax

from jaxconv._spec import ConvSpec

ROLES = ("x", "weight", "y")


@dataclass(frozen=True, slots=True)
class Product:
    """What is computed, from two operands: ROLES without `wanted`, in that order.

    Attributes:
        wanted: 'y' is the convolution of x and weight, 'x' the gradient with respect to x from weight and y, and so on.
        spec: the convolution's.
        size: x's spatial size, which y's does not tell where the stride leaves a rest. Symbolic in an export.
        precision: as in `jax.lax.conv_general_dilated`.
        wide: of half-precision types, whether the result is float32, to be rounded by whoever adds to it.
    """

    wanted: str
    spec: ConvSpec
    size: tuple[int, ...]
    precision: lax.PrecisionLike = None
    wide: bool = False

    @property
    def operands(self) -> tuple[str, ...]:
        """The roles of the two operands."""
        return tuple(role for role in ROLES if role != self.wanted)

    @property
    def out(self) -> tuple[int, ...]:
        """y's spatial size."""
        return self.spec.output_size(self.size)

    @property
    def group_in(self) -> int:
        """Input channels a group."""
        return self.spec.in_channels // self.spec.groups

    @property
    def group_out(self) -> int:
        """Output channels a group."""
        return self.spec.out_channels // self.spec.groups

    @property
    def taps(self) -> int:
        """The kernel's elements."""
        return math.prod(self.spec.kernel_size)

    @property
    def pointwise(self) -> bool:
        """Whether a kernel of one element meets every stride-th element of x and nothing else."""
        return self.taps == 1 and not any(low or high for low, high in self.spec.padding)

    def shape(self, batch: Any) -> tuple[Any, ...]:
        """The shape of what is wanted."""
        if self.wanted == "weight":
            return self.spec.weight_shape
        if self.wanted == "x":
            return (batch, self.spec.in_channels, *self.size)
        return (batch, self.spec.out_channels, *self.out)

    def batch(self, a: jax.Array, b: jax.Array) -> Any:
        """The number of samples, given the operands."""
        return b.shape[0] if self.wanted == "x" else a.shape[0]
