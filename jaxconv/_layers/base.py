"""What a layer is: torch's constructor arguments as dataclass fields, what it holds, and what it computes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from flax import nnx
from flax.typing import Dtype, Initializer, PromoteDtypeFn

from jaxconv._args import check_dtype
from jaxconv._examples.layers import of_layer
from jaxconv._given import is_key, shown
from jaxconv._habits import Habits
from jaxconv._jax_internals import promote_dtype as _promote_dtype
from jaxconv._layers.signature import own_call


@dataclass(frozen=True)
class Declared:
    """A parameter or buffer that a layer holds.

    Attributes:
        shape: torch's.
        init: (key, shape, dtype) -> array.
        dtype: None for the layer's `param_dtype`.
        buffer: whether it is state (nnx.BatchStat, Linen's collection 'batch_stats') and no parameter.
        draws: whether `init` needs a key.
    """

    shape: tuple[int, ...]
    init: Initializer
    dtype: Dtype | None = None
    buffer: bool = False
    draws: bool = True

    def make(self, name: str, key: Any, dtype: Dtype) -> Any:
        """The first value; a ValueError where a user's `init` gives another shape."""
        value = self.init(key, self.shape, dtype if self.dtype is None else self.dtype)
        if isinstance(value, jax.Array) and value.shape != self.shape:
            raise ValueError(
                f"`{name}_init` must return an array of shape {self.shape}, got shape {value.shape}"
            )
        return value


@dataclass(eq=False, repr=False)
class Layer:
    """A layer without parameters. A subclass is a dataclass: its fields are torch's arguments in torch's order.

    Attributes are read at every call, so assigning to them works as in torch. The methods are private because
    nnx.tabulate and Linen's scopes take public ones for layers of their own.
    """

    def _normalised(self) -> Mapping[str, Any]:
        """Refuses bad arguments (ValueError, TypeError); gives those that torch normalises, as torch does."""
        return {}

    def _forward(self, *inputs: Any, **options: Any) -> Any:
        """Computes the output: a function of `jaxconv._functional`, or a spec and a lowering."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class ParamLayer:
    """A layer with parameters, and Flax's usual keyword arguments for them.

    Attributes:
        dtype: of the computation: input and parameters are cast to it; None promotes them to a common one (Flax).
        param_dtype: of the parameters.
        weight_init: initialiser (key, shape, dtype) -> array; None for torch's.
        bias_init: likewise.
        promote_dtype: how input and parameters are cast (Flax).
    """

    dtype: Dtype | None = field(default=None, kw_only=True)
    param_dtype: Dtype = field(default=jnp.float32, kw_only=True)
    weight_init: Initializer | None = field(default=None, kw_only=True)
    bias_init: Initializer | None = field(default=None, kw_only=True)
    promote_dtype: PromoteDtypeFn = field(default=_promote_dtype, kw_only=True)

    _holds: ClassVar[tuple[str, ...]] = ("weight", "bias")
    """The names of what the layer holds, in torch's order."""

    def _normalised(self) -> Mapping[str, Any]:
        """As `Layer._normalised`; subclasses call this one too."""
        for name in ("dtype", "param_dtype"):
            check_dtype(name, getattr(self, name))
        return {}

    def _declared(self) -> dict[str, Declared | None]:
        """Each of `_holds`; None for one that is switched off.

        Called at construction only: afterwards an attribute like `bias` is the parameter, no longer the argument.
        """
        raise NotImplementedError

    def _forward(self, held: Mapping[str, Any], *inputs: Any, **options: Any) -> Any:
        """As `Layer._forward`, with what is held."""
        raise NotImplementedError

    def _cast(self, *arrays: Any, names: tuple[str | None, ...] = ("input",)) -> Any:
        """The arrays (None stays) in the dtype of the computation.

        Args:
            *arrays: what the layer is given, and then what it holds.
            names: of what the layer is given and what must not be of integers, if the parameters are not; None for
                an array that may be. A `dtype` or a `promote_dtype` of the user's own casts integers, too.
        """
        if self.dtype is None and self.promote_dtype is _promote_dtype:
            for argument, given in zip(names, arrays, strict=False):
                if argument is not None:
                    self._check_floating(argument, given, arrays[len(names) :])
        return self.promote_dtype(arrays, dtype=self.dtype)

    def _check_floating(self, argument: str, given: Any, others: Sequence[Any]) -> None:
        """Refuses an integer or boolean input as torch does; a network of integers may have them."""
        dtypes = [jnp.result_type(a) for a in others if a is not None]
        exact, floating = jnp.result_type(given), [d for d in dtypes if jnp.issubdtype(d, jnp.inexact)]
        if jnp.issubdtype(exact, jnp.inexact) or (dtypes and not floating):
            return
        want = floating[0].name if floating else "float32"
        name, like = type(self).__name__, f", as its parameters ({want})" if floating else ""
        raise TypeError(
            f"`{argument}` of {name} must be of a floating dtype{like}, got {exact.name}: write "
            f"`x.astype(jnp.{want})`, for an image of bytes `x.astype(jnp.{want}) / 255` as torchvision's ToTensor, "
            f"or give {name} `dtype=jnp.{want}`, which casts it"
        )


def refuse_rngs(layer: Any, instead: str) -> None:
    """Refuses random numbers in the place of an argument: they have no position among torch's arguments."""
    for argument in fields(layer):
        value = getattr(layer, argument.name, None)
        if argument.name != "rngs" and (is_key(value) or isinstance(value, nnx.Rngs | nnx.RngStream)):
            raise TypeError(
                f"`{argument.name}` of {type(layer).__name__} was given {shown(value)}: {instead}"
            )


class Documented(Habits):
    """A front's classes have the docstrings and the call signatures of what they front."""

    def __init_subclass__(cls, **more: Any) -> None:
        # First: Linen's makes a dataclass of it, with a docstring of its own.
        cls.__doc__ = cls.__doc__ or next(base.__doc__ for base in cls.__mro__[1:] if base.__doc__)
        if cls.__doc__ and cls.__module__.startswith("jaxconv."):
            cls.__doc__ = cls.__doc__.rstrip() + of_layer(cls.__name__, cls.__module__.split(".")[1])
        if "__call__" not in vars(cls) and cls.__module__.partition(".")[0] == "jaxconv":
            own_call(cls)
        super().__init_subclass__(**more)
