"""torch.nn's normalisations that look at one sample at a time, and what all share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax

from jaxconv import functional, init
from jaxconv._args import array, check_flag, check_number, check_size, integer, positive
from jaxconv._dtypes import compute_dtype
from jaxconv._layers.base import Declared, ParamLayer
from jaxconv._types import ArrayLike, Size

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]


class Norm(ParamLayer):
    """What normalisations share: weights of ones, biases of zeros, and how they are cast."""

    def _ones_and_zeros(self, shape: tuple[int, ...], weight: bool, bias: bool) -> dict[str, Declared | None]:
        # Only a user's initialiser may need a key: torch draws nothing for a norm.
        made = {
            "weight": (weight, self.weight_init, init.ones()),
            "bias": (bias, self.bias_init, init.zeros()),
        }
        return {
            name: Declared(shape, user or default, draws=user is not None) if on else None
            for name, (on, user, default) in made.items()
        }

    def _cast_input(self, input: Any, held: Mapping[str, Any]) -> tuple[jax.Array, dict[str, Any]]:
        """The input in the dtype of the computation, and the rest in it too, but at least float32."""
        x, *_ = self._cast(array("input", input), held["weight"], held.get("bias"))
        wide = compute_dtype(x.dtype)
        given = {name: value for name, value in held.items() if name != "num_batches_tracked"}
        return x, {name: None if v is None else array(name, v).astype(wide) for name, v in given.items()}


@dataclass(eq=False, repr=False)
class GroupNorm(Norm):
    """torch.nn.GroupNorm: the same arguments, defaults, layouts and parameters.

    Parameters `weight`, ones, and `bias`, zeros, both (num_channels,). The operation is
    `jaxconv.functional.group_norm`.

    Args:
        num_groups: must divide num_channels.
        num_channels: channels of the input, (N, num_channels, *size).
        eps: added to the variance.
        affine: whether there are parameters.
        bias: whether there is a bias among them.
        dtype: of the computation: the input is cast to it, parameters too, but to float32 at least; None promotes
            them to a common one (Flax).
        param_dtype: of the parameters.
        weight_init: initialiser (key, shape, dtype) -> array; None for ones.
        bias_init: likewise; None for zeros.
        promote_dtype: how input and parameters are cast (Flax).
        rngs: NNX only: the stream `params` is drawn from, needed for initialisers of one's own only.
        weight_metadata: NNX only: keyword arguments for the weight's `nnx.Param`, such as sharding.
        bias_metadata: likewise.

    Raises:
        ValueError: a value or an input shape that torch refuses too.
        TypeError: an argument of the wrong type.
    """

    num_groups: int
    num_channels: int
    eps: float = 1e-5
    affine: bool = True
    bias: bool = field(default=True, kw_only=True)

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        groups = positive("num_groups", self.num_groups)
        channels = check_size("num_channels", self.num_channels)
        if channels % groups:
            raise ValueError(f"`num_channels` (={channels}) must be divisible by `num_groups` (={groups})")
        check_number("eps", self.eps)
        check_flag("affine", self.affine)
        check_flag("bias", self.bias)
        return {"num_groups": groups, "num_channels": channels}

    def _declared(self) -> dict[str, Declared | None]:
        return self._ones_and_zeros(
            (integer("num_channels", self.num_channels),), bool(self.affine), bool(self.affine and self.bias)
        )

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        x, arrays = self._cast_input(input, held)
        return functional.group_norm(x, self.num_groups, **arrays, eps=self.eps)


@dataclass(eq=False, repr=False)
class LayerNorm(Norm):
    """torch.nn.LayerNorm: the same arguments, defaults, layouts and parameters.

    Parameters `weight`, ones, and `bias`, zeros, both of shape normalized_shape. The operation is
    `jaxconv.functional.layer_norm`.

    Args:
        normalized_shape: an int or a tuple of ints: the last dimensions of the input.
        eps: added to the variance.
        elementwise_affine: whether there are parameters.
        bias: whether there is a bias among them.

    The keyword arguments and errors are those of `GroupNorm`.
    """

    normalized_shape: Size
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        check_number("eps", self.eps)
        check_flag("elementwise_affine", self.elementwise_affine)
        check_flag("bias", self.bias)
        return {"normalized_shape": _shape(self.normalized_shape)}

    def _declared(self) -> dict[str, Declared | None]:
        on = bool(self.elementwise_affine)
        return self._ones_and_zeros(_shape(self.normalized_shape), on, bool(on and self.bias))

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        x, arrays = self._cast_input(input, held)
        return functional.layer_norm(x, _shape(self.normalized_shape), **arrays, eps=self.eps)


@dataclass(eq=False, repr=False)
class RMSNorm(Norm):
    """torch.nn.RMSNorm: the same arguments, defaults, layout and parameter.

    Parameter `weight`, ones, of shape normalized_shape; there is no bias. The operation is
    `jaxconv.functional.rms_norm`.

    Args:
        normalized_shape: an int or a tuple of ints: the last dimensions of the input.
        eps: added to the mean square; None for the machine epsilon of the input's dtype, float32's in half precision.
        elementwise_affine: whether there is a weight.

    The keyword arguments and errors are those of `GroupNorm`.
    """

    _holds: ClassVar[tuple[str, ...]] = ("weight",)

    normalized_shape: Size
    eps: float | None = None
    elementwise_affine: bool = True

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        if self.eps is not None:
            check_number("eps", self.eps)
        if self.bias_init is not None:
            raise TypeError("RMSNorm has no bias: leave out `bias_init`")
        check_flag("elementwise_affine", self.elementwise_affine)
        return {"normalized_shape": _shape(self.normalized_shape)}

    def _declared(self) -> dict[str, Declared | None]:
        made = self._ones_and_zeros(_shape(self.normalized_shape), bool(self.elementwise_affine), False)
        return {"weight": made["weight"]}

    def _forward(self, held: Mapping[str, Any], input: ArrayLike) -> jax.Array:
        x, arrays = self._cast_input(input, held)
        return functional.rms_norm(x, _shape(self.normalized_shape), **arrays, eps=self.eps)


def _shape(normalized_shape: Any) -> tuple[int, ...]:
    """`normalized_shape` as a tuple: an int is a tuple of one."""
    if isinstance(normalized_shape, tuple | list):
        sizes = [check_size(f"normalized_shape[{i}]", n) for i, n in enumerate(normalized_shape)]
        if not sizes:
            raise ValueError("`normalized_shape` (=()) must have at least one dimension")
        return tuple(sizes)
    return (check_size("normalized_shape", normalized_shape),)
