"""torch.nn's activations. Each is its functional with the arguments as fields; what they mean is said there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import functional
from jaxconv._args import check_flag
from jaxconv._layers._activation import Activation
from jaxconv._layers.dropout import Drawing
from jaxconv._types import Approximation, ArrayLike

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "Mish",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


@dataclass(eq=False, repr=False)
class ReLU(Activation):
    inplace: bool = False

    _function = staticmethod(functional.relu)


@dataclass(eq=False, repr=False)
class ReLU6(Activation):
    inplace: bool = False

    _function = staticmethod(functional.relu6)


@dataclass(eq=False, repr=False)
class Hardtanh(Activation):
    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.hardtanh)


@dataclass(eq=False, repr=False)
class Threshold(Activation):
    threshold: float
    value: float
    inplace: bool = False

    _function = staticmethod(functional.threshold)


@dataclass(eq=False, repr=False)
class LeakyReLU(Activation):
    negative_slope: float = 0.01
    inplace: bool = False

    _function = staticmethod(functional.leaky_relu)


@dataclass(eq=False, repr=False)
class RReLU(Drawing):
    """torch.nn.RReLU: the same positional arguments and defaults. No parameters.

    The operation is `jaxconv.functional.rrelu`. In training by default, as in torch; as in Flax, `model.eval()` and
    `model.train()` (NNX) set `deterministic`, and a call may be given it.

    Args:
        lower: the least slope.
        upper: the greatest.
        inplace: without effect: JAX's arrays are immutable, the result is the same.
        deterministic: whether the slope is the mean of both. Linen: here or in the call, not in both.
        rng_collection: the name of the random stream.
        rngs: NNX only: nnx.Rngs or nnx.RngStream to draw from, here or in the call (Linen's `apply` takes them).

    Raises:
        ValueError: bounds that are not finite or in the wrong order; a call that draws without a random stream.
        TypeError: an argument of the wrong type.
    """

    lower: float = 1 / 8
    upper: float = 1 / 3
    inplace: bool = False

    def _normalised(self) -> Mapping[str, Any]:
        check_flag("inplace", self.inplace)
        jax.eval_shape(lambda x: functional.rrelu(x, self.lower, self.upper), jnp.zeros(2, jnp.float32))
        return {}

    def _draws(self, deterministic: bool) -> bool:
        return not deterministic

    def _forward(self, input: ArrayLike, deterministic: bool, key: jax.Array | None) -> jax.Array:
        return functional.rrelu(input, self.lower, self.upper, not deterministic, key=key)


@dataclass(eq=False, repr=False)
class ELU(Activation):
    alpha: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.elu)


@dataclass(eq=False, repr=False)
class SELU(Activation):
    inplace: bool = False

    _function = staticmethod(functional.selu)


@dataclass(eq=False, repr=False)
class CELU(Activation):
    alpha: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.celu)


@dataclass(eq=False, repr=False)
class GELU(Activation):
    approximate: Approximation = "none"

    _function = staticmethod(functional.gelu)


@dataclass(eq=False, repr=False)
class SiLU(Activation):
    inplace: bool = False

    _function = staticmethod(functional.silu)


@dataclass(eq=False, repr=False)
class Mish(Activation):
    inplace: bool = False

    _function = staticmethod(functional.mish)


@dataclass(eq=False, repr=False)
class Hardswish(Activation):
    inplace: bool = False

    _function = staticmethod(functional.hardswish)


@dataclass(eq=False, repr=False)
class Hardsigmoid(Activation):
    inplace: bool = False

    _function = staticmethod(functional.hardsigmoid)


@dataclass(eq=False, repr=False)
class Hardshrink(Activation):
    lambd: float = 0.5

    _function = staticmethod(functional.hardshrink)


@dataclass(eq=False, repr=False)
class Softshrink(Activation):
    lambd: float = 0.5

    _function = staticmethod(functional.softshrink)


@dataclass(eq=False, repr=False)
class Tanhshrink(Activation):
    _function = staticmethod(functional.tanhshrink)


@dataclass(eq=False, repr=False)
class Softplus(Activation):
    beta: float = 1.0
    threshold: float = 20.0

    _function = staticmethod(functional.softplus)


@dataclass(eq=False, repr=False)
class Softsign(Activation):
    _function = staticmethod(functional.softsign)


@dataclass(eq=False, repr=False)
class Sigmoid(Activation):
    _function = staticmethod(functional.sigmoid)


@dataclass(eq=False, repr=False)
class LogSigmoid(Activation):
    _function = staticmethod(functional.logsigmoid)


@dataclass(eq=False, repr=False)
class Tanh(Activation):
    _function = staticmethod(functional.tanh)
