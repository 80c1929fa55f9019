"""torch.nn.Linear and Bilinear."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
from flax.typing import PrecisionLike

from jaxconv import functional, init
from jaxconv._args import array, check_flag, check_size
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._types import ArrayLike

__all__ = ["Bilinear", "Linear"]


@dataclass(eq=False, repr=False)
class Linear(ParamLayer):
    """torch.nn.Linear: the same positional arguments, defaults, layouts, parameters and distribution.

    Parameters `weight` (out_features, in_features) and `bias` (out_features,), both uniform in
    +-1 / sqrt(in_features) unless initialisers are given. The operation is `jaxconv.functional.linear`.

    Args:
        in_features: the last dimension of the input, (*, in_features).
        out_features: the last dimension of the output, (*, out_features).
        bias: whether there is a bias.
        dtype: of the computation: input and parameters are cast to it; None promotes them to a common one (Flax).
        param_dtype: of the parameters.
        precision: as in `jax.lax.dot_general`.
        weight_init: initialiser (key, shape, dtype) -> array; None for torch's distribution.
        bias_init: likewise.
        promote_dtype: how input and parameters are cast (Flax).
        rngs: NNX only: the stream `params` is drawn from (Linen's `init` takes the key).
        weight_metadata: NNX only: keyword arguments for the weight's `nnx.Param`, such as sharding.
        bias_metadata: likewise.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    in_features: int
    out_features: int
    bias: bool = True
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        check_flag("bias", self.bias)
        return {name: check_size(name, getattr(self, name)) for name in ("in_features", "out_features")}

    def _declared(self) -> dict[str, Declared | None]:
        shape = (check_size("out_features", self.out_features), check_size("in_features", self.in_features))
        return {
            "weight": Declared(shape, self.weight_init or init.conv_weight),
            "bias": Declared(shape[:1], self.bias_init or init.conv_bias(shape[1])) if self.bias else None,
        }

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        x, weight, bias = self._cast(array("input", input), held["weight"], held["bias"])
        return functional.linear(x, weight, bias, precision=self.precision)


@dataclass(eq=False, repr=False)
class Bilinear(ParamLayer):
    """torch.nn.Bilinear: the same positional arguments, defaults, layouts, parameters and distribution.

    Parameters `weight` (out_features, in1_features, in2_features) and `bias` (out_features,), both uniform in
    +-1 / sqrt(in1_features) unless initialisers are given. The operation is `jaxconv.functional.bilinear`; a call
    takes two inputs.

    Args:
        in1_features: the last dimension of the first input, (*, in1_features).
        in2_features: the last dimension of the second input.
        out_features: the last dimension of the output, (*, out_features).
        bias: whether there is a bias.

    The keyword arguments and errors are those of `Linear`.
    """

    in1_features: int
    in2_features: int
    out_features: int
    bias: bool = True
    precision: PrecisionLike = field(default=None, kw_only=True)

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        check_flag("bias", self.bias)
        if (features := check_size("in1_features", self.in1_features)) == 0:
            raise ValueError("`in1_features` (=0) must be positive")
        return {"in1_features": features} | {
            name: check_size(name, getattr(self, name)) for name in ("in2_features", "out_features")
        }

    def _declared(self) -> dict[str, Declared | None]:
        names = ("out_features", "in1_features", "in2_features")
        shape = tuple(check_size(name, getattr(self, name)) for name in names)
        # torch's bound for the weight is the bias's: 1 / sqrt(in1_features), whatever in2_features is.
        draw = init.conv_bias(shape[1])
        return {
            "weight": Declared(shape, self.weight_init or draw),
            "bias": Declared(shape[:1], self.bias_init or draw) if self.bias else None,
        }

    def _forward(self, held: Mapping[str, Any], input1: ArrayLike, input2: ArrayLike) -> jax.Array:
        inputs = array("input1", input1), array("input2", input2)
        x1, x2, weight, bias = self._cast(*inputs, held["weight"], held["bias"], names=("input1", "input2"))
        return functional.bilinear(x1, x2, weight, bias, precision=self.precision)
