"""torch.nn's losses. Each is its functional with the arguments as fields; what they mean is said there."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jaxconv import functional
from jaxconv._layers.base import Declared, Layer, ParamLayer, check_flag
from jaxconv._spec import integer
from jaxconv.functional._arrays import array
from jaxconv.functional._loss import REDUCTIONS, check_reduction
from jaxconv.functional.activation import number

_NUMBERS = ("beta", "delta", "margin", "eps", "label_smoothing")
_FLAGS = ("log_target", "log_input", "full", "swap")


class _AnyLoss:
    """A functional whose arguments, but for the arrays of a call, are the fields."""

    _function: ClassVar[Callable[..., jax.Array]]
    _reductions: ClassVar[tuple[str, ...]] = REDUCTIONS
    _weights: ClassVar[str] = ""

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        if "_function" in vars(cls):
            name = cls._function.__name__
            summary = (cls._function.__doc__ or "").partition("\n")[0]
            cls.__doc__ = f"""torch.nn.{cls.__name__}: the same arguments and defaults. No parameters.

    {summary}
    The arguments and errors are those of `jaxconv.functional.{name}`.{cls._weights}
    """

    def _options(self) -> dict[str, Any]:
        known = inspect.signature(type(self)._function).parameters
        held = getattr(self, "_holds", ())
        names = [f.name for f in fields(self)]  # type: ignore[arg-type]
        return {name: getattr(self, name) for name in names if name in known and name not in held}

    def _check(self) -> None:
        """Refuses bad arguments where the layer is made."""
        options = self._options()
        legacy = (options.get("size_average"), options.get("reduce"))
        check_reduction(options["reduction"], *legacy, self._reductions)
        for name in _NUMBERS:
            if name in options:
                number(name, options[name])
        for name in _FLAGS:
            if name in options:
                check_flag(name, options[name])
        if "ignore_index" in options:
            integer("ignore_index", options["ignore_index"])


@dataclass(eq=False, repr=False)
class _Loss(_AnyLoss, Layer):
    _inputs: ClassVar[int] = 2
    """How many floating arrays of one shape the functional takes; 0: it takes others."""

    def _normalised(self) -> Mapping[str, Any]:
        self._check()
        if self._inputs:  # The functional judges its arguments, here on arrays that cost nothing.
            arrays = [jnp.zeros((2, 2), jnp.float32)] * self._inputs
            jax.eval_shape(lambda *xs: type(self)._function(*xs, **self._options()), *arrays)
        return {}

    def _forward(self, *inputs: Any) -> jax.Array:
        return type(self)._function(*inputs, **self._options())


@dataclass(eq=False, repr=False)
class L1Loss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.l1_loss)


@dataclass(eq=False, repr=False)
class MSELoss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.mse_loss)


@dataclass(eq=False, repr=False)
class SmoothL1Loss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    beta: float = 1.0

    _function = staticmethod(functional.smooth_l1_loss)


@dataclass(eq=False, repr=False)
class HuberLoss(_Loss):
    reduction: str = "mean"
    delta: float = 1.0

    _function = staticmethod(functional.huber_loss)


@dataclass(eq=False, repr=False)
class KLDivLoss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    log_target: bool = False

    _function = staticmethod(functional.kl_div)
    _reductions = (*REDUCTIONS, "batchmean")


@dataclass(eq=False, repr=False)
class PoissonNLLLoss(_Loss):
    log_input: bool = True
    full: bool = False
    size_average: Any = None
    eps: float = 1e-8
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.poisson_nll_loss)


@dataclass(eq=False, repr=False)
class GaussianNLLLoss(_Loss):
    full: bool = field(default=False, kw_only=True)
    eps: float = field(default=1e-6, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    _function = staticmethod(functional.gaussian_nll_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class SoftMarginLoss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.soft_margin_loss)


@dataclass(eq=False, repr=False)
class HingeEmbeddingLoss(_Loss):
    margin: float = 1.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.hinge_embedding_loss)


@dataclass(eq=False, repr=False)
class MarginRankingLoss(_Loss):
    margin: float = 0.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.margin_ranking_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class CosineEmbeddingLoss(_Loss):
    margin: float = 0.0
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.cosine_embedding_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class MultiLabelMarginLoss(_Loss):
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multilabel_margin_loss)
    _inputs = 0


@dataclass(eq=False, repr=False)
class TripletMarginLoss(_Loss):
    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.triplet_margin_loss)
    _inputs = 3


@dataclass(eq=False, repr=False)
class TripletMarginWithDistanceLoss(_Loss):
    distance_function: Callable[[Any, Any], Any] | None = field(default=None, kw_only=True)
    margin: float = field(default=1.0, kw_only=True)
    swap: bool = field(default=False, kw_only=True)
    reduction: str = field(default="mean", kw_only=True)

    _function = staticmethod(functional.triplet_margin_with_distance_loss)

    def _normalised(self) -> Mapping[str, Any]:
        self._check()
        if not self.margin > 0:
            raise ValueError(f"`margin` (={self.margin}) must be greater than 0")
        if self.distance_function is not None and not callable(self.distance_function):
            raise TypeError(f"`distance_function` must be callable, got {self.distance_function!r}")
        return {}


_BUFFER = """

    `weight` is a buffer under torch's name, of its own dtype: nnx.BatchStat, or Linen's collection 'batch_stats'; None
    holds nothing. `dtype` and `promote_dtype` cast the input and the weights (Flax). There is no `weight_init`: the
    weight is an argument."""


@dataclass(eq=False, repr=False)
class _WeightedLoss(_AnyLoss, ParamLayer):
    """A loss with weights of classes or elements, which are buffers."""

    _holds: ClassVar[tuple[str, ...]] = ("weight",)
    _weights = _BUFFER
    _casts_target: ClassVar[bool] = False

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        self._check()
        for name in ("weight_init", "bias_init"):
            if getattr(self, name) is not None:
                raise ValueError(f"`{name}` must be None: {type(self).__name__} has no parameters")
        self._declared()
        return {}

    def _declared(self) -> dict[str, Declared | None]:
        return {name: _given(name, getattr(self, name)) for name in self._holds}

    def _forward(self, held: Mapping[str, Any], input: Any, target: Any) -> jax.Array:
        weights = [held[name] for name in self._holds]
        if self._casts_target:
            x, t, *weights = self._cast(input, target, *weights)
        else:
            (x, *weights), t = self._cast(input, *weights), target
        return type(self)._function(x, t, **self._options(), **dict(zip(self._holds, weights, strict=True)))


def _given(name: str, value: Any) -> Declared | None:
    """A buffer that starts as the argument."""
    if value is None:
        return None
    weight = array(name, value)
    return Declared(weight.shape, lambda key, shape, dtype: weight, weight.dtype, buffer=True, draws=False)


@dataclass(eq=False, repr=False)
class BCELoss(_WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.binary_cross_entropy)
    _casts_target = True


@dataclass(eq=False, repr=False)
class BCEWithLogitsLoss(_WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"
    pos_weight: Any = None

    _function = staticmethod(functional.binary_cross_entropy_with_logits)
    _casts_target = True
    _holds = ("weight", "pos_weight")
    _weights = _BUFFER.replace(
        "`weight` is a buffer under torch's name", "`weight` and `pos_weight` are buffers"
    )


@dataclass(eq=False, repr=False)
class NLLLoss(_WeightedLoss):
    weight: Any = None
    size_average: Any = None
    ignore_index: int = -100
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.nll_loss)


@dataclass(eq=False, repr=False)
class CrossEntropyLoss(_WeightedLoss):
    weight: Any = None
    size_average: Any = None
    ignore_index: int = -100
    reduce: Any = None
    reduction: str = "mean"
    label_smoothing: float = 0.0

    _function = staticmethod(functional.cross_entropy)

    def _normalised(self) -> Mapping[str, Any]:
        if number("label_smoothing", self.label_smoothing) > 1:
            raise ValueError(f"`label_smoothing` (={self.label_smoothing}) must be between 0.0 and 1.0")
        return super()._normalised()


@dataclass(eq=False, repr=False)
class MultiMarginLoss(_WeightedLoss):
    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multi_margin_loss)

    def _normalised(self) -> Mapping[str, Any]:
        if self.p not in (1, 2):
            raise ValueError(f"`p` (={self.p}) must be 1 or 2")
        weight = self._declared()["weight"]
        if weight is not None and len(weight.shape) != 1:
            raise ValueError(f"`weight` of shape {weight.shape} must have one dimension")
        return super()._normalised()


@dataclass(eq=False, repr=False)
class MultiLabelSoftMarginLoss(_WeightedLoss):
    weight: Any = None
    size_average: Any = None
    reduce: Any = None
    reduction: str = "mean"

    _function = staticmethod(functional.multilabel_soft_margin_loss)
    _casts_target = True
