"""torch.nn's activations. Each is its functional with the arguments as fields; what they mean is said there."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxconv import functional, init
from jaxconv._args import check_flag, integer, number, positive
from jaxconv._layers.base import Declared, Layer, ParamLayer
from jaxconv._layers.dropout import Drawing


@dataclass(eq=False, repr=False)
class _Activation(Layer):
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

    def _forward(self, input: Any) -> jax.Array:
        return type(self)._function(input, **self._options())


@dataclass(eq=False, repr=False)
class ReLU(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.relu)


@dataclass(eq=False, repr=False)
class ReLU6(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.relu6)


@dataclass(eq=False, repr=False)
class Hardtanh(_Activation):
    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.hardtanh)


@dataclass(eq=False, repr=False)
class Threshold(_Activation):
    threshold: float
    value: float
    inplace: bool = False

    _function = staticmethod(functional.threshold)


@dataclass(eq=False, repr=False)
class LeakyReLU(_Activation):
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

    def _forward(self, input: Any, deterministic: bool, key: Any) -> jax.Array:
        return functional.rrelu(input, self.lower, self.upper, not deterministic, key=key)


@dataclass(eq=False, repr=False)
class ELU(_Activation):
    alpha: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.elu)


@dataclass(eq=False, repr=False)
class SELU(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.selu)


@dataclass(eq=False, repr=False)
class CELU(_Activation):
    alpha: float = 1.0
    inplace: bool = False

    _function = staticmethod(functional.celu)


@dataclass(eq=False, repr=False)
class GELU(_Activation):
    approximate: str = "none"

    _function = staticmethod(functional.gelu)


@dataclass(eq=False, repr=False)
class SiLU(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.silu)


@dataclass(eq=False, repr=False)
class Mish(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.mish)


@dataclass(eq=False, repr=False)
class Hardswish(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.hardswish)


@dataclass(eq=False, repr=False)
class Hardsigmoid(_Activation):
    inplace: bool = False

    _function = staticmethod(functional.hardsigmoid)


@dataclass(eq=False, repr=False)
class Hardshrink(_Activation):
    lambd: float = 0.5

    _function = staticmethod(functional.hardshrink)


@dataclass(eq=False, repr=False)
class Softshrink(_Activation):
    lambd: float = 0.5

    _function = staticmethod(functional.softshrink)


@dataclass(eq=False, repr=False)
class Tanhshrink(_Activation):
    _function = staticmethod(functional.tanhshrink)


@dataclass(eq=False, repr=False)
class Softplus(_Activation):
    beta: float = 1.0
    threshold: float = 20.0

    _function = staticmethod(functional.softplus)


@dataclass(eq=False, repr=False)
class Softsign(_Activation):
    _function = staticmethod(functional.softsign)


@dataclass(eq=False, repr=False)
class Sigmoid(_Activation):
    _function = staticmethod(functional.sigmoid)


@dataclass(eq=False, repr=False)
class LogSigmoid(_Activation):
    _function = staticmethod(functional.logsigmoid)


@dataclass(eq=False, repr=False)
class Tanh(_Activation):
    _function = staticmethod(functional.tanh)


@dataclass(eq=False, repr=False)
class GLU(_Activation):
    dim: int = -1

    _function = staticmethod(functional.glu)


@dataclass(eq=False, repr=False)
class _AnySoftmax(_Activation):
    dim: int | None = None

    def _normalised(self) -> Mapping[str, Any]:
        return {} if self.dim is None else super()._normalised()

    def _forward(self, input: Any) -> jax.Array:
        # The warning about a `dim` of None is for whoever calls the layer.
        return type(self)._function(input, self.dim, _stacklevel=5)


class Softmax(_AnySoftmax):
    _function = staticmethod(functional.softmax)


class Softmin(_AnySoftmax):
    _function = staticmethod(functional.softmin)


class LogSoftmax(_AnySoftmax):
    _function = staticmethod(functional.log_softmax)


@dataclass(eq=False, repr=False)
class Softmax2d(Layer):
    """torch.nn.Softmax2d: softmax over the channels of (N, C, H, W) or (C, H, W). No arguments, no parameters.

    Raises:
        ValueError: an input of another rank.
    """

    def _forward(self, input: Any) -> jax.Array:
        if jnp.ndim(input) not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be 3D or 4D, but got `input` of shape {jnp.shape(input)}"
            )
        return functional.softmax(input, -3)


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

    def _forward(self, held: Mapping[str, Any], input: Any) -> jax.Array:
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
