"""torch.nn's normalisations that may keep running statistics: BatchNorm and InstanceNorm."""

import warnings
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import functional, init
from jaxconv._args import array, check_flag, check_number, check_rank, check_size
from jaxconv._functional.tracking_norm import Normalised
from jaxconv._layers.base import Declared
from jaxconv._layers.norm import Norm

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"]

STATS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(eq=False, repr=False)
class TrackingNorm(Norm):
    """A norm that may keep running statistics.

    A front gives it `use_running_average`, calls `_normalise` and keeps the statistics that it returns.
    """

    ndim: ClassVar[int]
    _holds: ClassVar[tuple[str, ...]] = ("weight", "bias", *STATS)

    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True
    bias: bool = field(default=True, kw_only=True)
    axis_name: Hashable = field(default=None, kw_only=True)

    def _normalised(self) -> Mapping[str, Any]:
        super()._normalised()
        check_number("eps", self.eps)
        if self.momentum is not None:
            check_number("momentum", self.momentum)
        for name in ("affine", "track_running_stats", "bias"):
            check_flag(name, getattr(self, name))
        return {"num_features": check_size("num_features", self.num_features)}

    def _declared(self) -> dict[str, Declared | None]:
        shape = (check_size("num_features", self.num_features),)
        count = jax.dtypes.canonicalize_dtype(np.int64)  # int32 where 64-bit types are off
        stats = (
            Declared(shape, init.zeros(), buffer=True, draws=False),
            Declared(shape, init.ones(), buffer=True, draws=False),
            Declared((), init.zeros(), count, buffer=True, draws=False),
        )
        return self._ones_and_zeros(shape, bool(self.affine), bool(self.affine and self.bias)) | {
            name: stat if self.track_running_stats else None for name, stat in zip(STATS, stats, strict=True)
        }

    def _normalise(
        self, held: Mapping[str, Any], input: Any, training: bool, axis_name: Hashable
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """The output, and the running statistics that have changed."""
        raise NotImplementedError

    @staticmethod
    def _changed(held: Mapping[str, Any], result: Normalised) -> dict[str, jax.Array]:
        """The new running statistics in the dtypes of the old."""
        return {
            name: jnp.asarray(getattr(result, name), array(name, held[name]).dtype)
            for name in ("running_mean", "running_var")
        }


class _BatchNorm(TrackingNorm):
    _ranks: ClassVar[tuple[int, ...]]

    def _normalise(
        self, held: Mapping[str, Any], input: Any, training: bool, axis_name: Hashable
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        x, arrays = self._cast_input(input, held)
        check_rank(type(self).__name__, x.shape, self._ranks)
        tracks = self.track_running_stats and training
        momentum: Any = self.momentum
        if tracks:
            count = array("num_batches_tracked", held["num_batches_tracked"]) + 1
            # None: every batch so far has the same weight.
            momentum = 1 / count if momentum is None else momentum
        result = functional.batch_norm_with_stats(
            x,
            **arrays,
            training=training or not self.track_running_stats,
            momentum=0.0 if momentum is None else momentum,
            eps=self.eps,
            axis_name=axis_name,
        )
        changed = self._changed(held, result) | {"num_batches_tracked": count} if tracks else {}
        return result.output, changed


@dataclass(eq=False, repr=False)
class _InstanceNorm(TrackingNorm):
    affine: bool = False
    track_running_stats: bool = False

    def _normalise(
        self, held: Mapping[str, Any], input: Any, training: bool, axis_name: Hashable
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        x, arrays = self._cast_input(input, held)
        check_rank(type(self).__name__, x.shape, (self.ndim + 1, self.ndim + 2))
        batched = x.ndim == self.ndim + 2
        if x.shape[-self.ndim - 1] != self.num_features and held["weight"] is None:
            warnings.warn(
                f"{type(self).__name__} has no use for `num_features` (={self.num_features}), which is not what "
                f"`input` of shape {x.shape} has",
                UserWarning,
                stacklevel=3,
            )
        tracks = self.track_running_stats and training
        result = functional.instance_norm_with_stats(
            x if batched else x[None],
            **arrays,
            use_input_stats=training or not self.track_running_stats,
            momentum=0.0 if self.momentum is None else self.momentum,
            eps=self.eps,
            axis_name=axis_name,
        )
        return result.output if batched else result.output[0], self._changed(held, result) if tracks else {}


def _doc(kind: str, ndim: int) -> str:
    batch = kind == "Batch"
    size = ", ".join("DHW"[-ndim:])
    also = ("" if ndim > 1 else " or (N, num_features)") if batch else f" or (num_features, {size})"
    return f"""torch.nn.{kind}Norm{ndim}d: the same arguments, defaults, layouts, parameters and buffers.

    Parameters `weight`, ones, and `bias`, zeros, both (num_features,), if `affine`. Buffers `running_mean`, zeros,
    `running_var`, ones, both (num_features,) and of `param_dtype`, and `num_batches_tracked`, int64, or int32 where
    JAX's 64-bit types are off, if `track_running_stats`: nnx.BatchStat, or Linen's collection 'batch_stats', which
    must be mutable in training. The operation is `jaxconv.functional.{kind.lower()}_norm_with_stats`.

    In training by default, as in torch; as in Flax, `model.eval()` and `model.train()` (NNX) set
    `use_running_average`, and a call may be given it. Without `track_running_stats` it has no effect.

    Args:
        num_features: channels of the input, (N, num_features, {size}){also}.
        eps: added to the variance.
        momentum: the weight of a new batch in the running statistics (Flax's is that of the old ones); None for
            {"the mean over all batches so far" if batch else "statistics that stay as they are"}.
        affine: whether there are parameters.
        track_running_stats: whether there are buffers; without them the input's own statistics are always used.
        bias: whether there is a bias among the parameters.
        use_running_average: whether the running statistics are used. Linen: here or in the call, not in both.
        axis_name: of a mapped axis, or several: {"the" if batch else "the running"} statistics are those of
            all its devices' batches{" (torch.nn.SyncBatchNorm)" if batch else ""}.

    The other keyword arguments and the errors are those of `GroupNorm`.
    """


class BatchNorm1d(_BatchNorm):
    __doc__ = _doc("Batch", 1)
    ndim = 1
    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = _doc("Batch", 2)
    ndim = 2
    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = _doc("Batch", 3)
    ndim = 3
    _ranks = (5,)


class InstanceNorm1d(_InstanceNorm):
    __doc__ = _doc("Instance", 1)
    ndim = 1


class InstanceNorm2d(_InstanceNorm):
    __doc__ = _doc("Instance", 2)
    ndim = 2


class InstanceNorm3d(_InstanceNorm):
    __doc__ = _doc("Instance", 3)
    ndim = 3
