"""torch.nn.functional's normalisations with running statistics: batch and instance."""

import math
from collections.abc import Hashable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._args import array, check_bool, check_channels, check_number, check_per_channel, optional_array
from jaxconv._dtypes import widened
from jaxconv._functional._norm import affine, channels_shape, check_stats, moments, norm_dtypes
from jaxconv._rows import long_rows
from jaxconv._types import ArrayLike

__all__ = ["Normalised", "batch_norm", "batch_norm_with_stats", "instance_norm", "instance_norm_with_stats"]


class Normalised(NamedTuple):
    """An output and the running statistics after it; those are None if none were given."""

    output: jax.Array
    running_mean: jax.Array | None
    running_var: jax.Array | None


def batch_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float | jax.Array = 0.1,
    eps: float = 1e-5,
    *,
    axis_name: Hashable = None,
) -> jax.Array:
    """Normalises each channel over the batch and all positions: torch.nn.functional.batch_norm.

    y = (x - mean) / sqrt(var + eps) * weight + bias (Ioffe & Szegedy 2015), with the batch's own mean and biased
    variance if `training`, else with the running ones. torch updates the running ones in place; arrays here cannot
    be: `batch_norm_with_stats` returns them. bfloat16 and float16 are computed in float32 and rounded once.

    Args:
        input: (N, C, *size) or (N, C), floating. N may be 0.
        running_mean: (C,), or None if `training`.
        running_var: likewise.
        weight: (C,) or None. It, `bias` and the running statistics are all of the input's dtype, or all float32
            beside an input of a half-precision type, as in torch.
        bias: (C,) or None.
        training: whether the batch's statistics are used.
        momentum: the weight of the batch in the running statistics; a number, or a scalar array.
        eps: added to the variance; positive if `training`, else not negative.
        axis_name: of a mapped axis (`jax.shard_map`, `jax.vmap`, `jax.pmap`), or several: the statistics are those
            of the batches of all its devices. torch has no such argument (torch.nn.SyncBatchNorm).

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: shapes that do not fit, one value per channel when training, no running statistics when not.
        TypeError: dtypes that torch refuses too, or an argument of the wrong type.
    """
    return batch_norm_with_stats(
        input, running_mean, running_var, weight, bias, training, momentum, eps, axis_name=axis_name
    ).output


def batch_norm_with_stats(
    input: ArrayLike,
    running_mean: ArrayLike | None,
    running_var: ArrayLike | None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    training: bool = False,
    momentum: float | jax.Array = 0.1,
    eps: float = 1e-5,
    *,
    axis_name: Hashable = None,
) -> Normalised:
    """`batch_norm`, and the running statistics that torch would leave behind.

    running = (1 - momentum) * running + momentum * batch, where the batch's variance is the unbiased one
    (torch.nn.BatchNorm2d's documentation). They have no gradient, and stay as they are if the batch is empty or
    not `training`.

    Args and errors are those of `batch_norm`.

    Returns:
        (output, running_mean, running_var), a named tuple.
    """
    op = "batch_norm"
    x = array("input", input)
    stats = {"running_mean": running_mean, "running_var": running_var}
    given = {"weight": weight, "bias": bias} | stats
    params = {name: optional_array(name, value) for name, value in given.items()}
    norm_dtypes(op, x, **params)
    check_bool("training", training, numpy=True)
    check_number("momentum", momentum, scalar=True)
    check_number("eps", eps)
    if eps < 0 or (training and eps == 0):
        raise ValueError(
            f"{op} `eps` (={eps}) must be {'positive during training' if training else 'non-negative'}"
        )
    if x.ndim < 2 and x.size:
        check_channels(op, x.shape)
    # torch takes an empty vector, for one of no channels.
    channels = x.shape[1] if x.ndim > 1 else 0
    check_per_channel(x, channels, **params)
    mean, var = check_stats(op, params["running_mean"], params["running_var"], needed=not training)
    if x.size == 0:
        return Normalised(x, mean, var)
    axes = (0, *range(2, x.ndim))
    if not training:
        y = _by_running(x, mean, var, params["weight"], params["bias"], eps)
        return Normalised(y, mean, var)
    count = math.prod(x.shape[axis] for axis in axes)
    if axis_name is not None:
        count *= lax.psum(1, axis_name)
    if count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got `input` of shape {x.shape}"
        )
    centred, batch_mean, batch_var = moments(widened(x), axes, axis_name)
    y = affine(centred, lax.rsqrt(batch_var + eps), params["weight"], params["bias"], channels_shape(x))
    if mean is not None and var is not None:
        unbiased = batch_var.reshape(-1) * (count / (count - 1))
        mean = _running(mean, batch_mean.reshape(-1), momentum)
        var = _running(var, unbiased, momentum)
    return Normalised(y.astype(x.dtype), mean, var)


def instance_norm(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float | jax.Array = 0.1,
    eps: float = 1e-5,
    *,
    axis_name: Hashable = None,
) -> jax.Array:
    """Normalises each channel of each sample over its positions: torch.nn.functional.instance_norm.

    y = (x - mean) / sqrt(var + eps) * weight + bias (Ulyanov et al. 2016), with each sample's own mean and biased
    variance if `use_input_stats`, else with the running ones. torch updates the running ones in place; arrays here
    cannot be: `instance_norm_with_stats` returns them. bfloat16 and float16 are computed in float32 and rounded once.

    Args:
        input: (N, C, *size), floating. N may be 0. As in torch a sample alone needs a leading 1.
        running_mean: (C,), or None if `use_input_stats`; of any floating dtype.
        running_var: likewise.
        weight: (C,) or None; weight and bias are of the input's dtype, or float32 beside a half-precision input.
        bias: (C,) or None.
        use_input_stats: whether each sample's own statistics are used.
        momentum: as in `batch_norm`.
        eps: added to the variance.
        axis_name: as in `batch_norm`, for the running statistics; the output depends on each sample alone.

    Returns:
        An array of the input's shape and dtype.

    Raises:
        ValueError: shapes that do not fit, one position when its statistics are asked for, none given when not.
        TypeError: dtypes that torch refuses too, or an argument of the wrong type.
    """
    return instance_norm_with_stats(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps, axis_name=axis_name
    ).output


def instance_norm_with_stats(
    input: ArrayLike,
    running_mean: ArrayLike | None = None,
    running_var: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    use_input_stats: bool = True,
    momentum: float | jax.Array = 0.1,
    eps: float = 1e-5,
    *,
    axis_name: Hashable = None,
) -> Normalised:
    """`instance_norm`, and the running statistics that torch would leave behind.

    They are as in `batch_norm_with_stats`, with the mean over the samples of each one's mean and unbiased variance:
    NaN after a batch of no samples, as in torch.

    Args and errors are those of `instance_norm`.

    Returns:
        (output, running_mean, running_var), a named tuple.
    """
    op = "instance_norm"
    x = array("input", input)
    params = {n: optional_array(n, v) for n, v in (("weight", weight), ("bias", bias))}
    norm_dtypes(op, x, **params)
    mean = optional_array("running_mean", running_mean)
    var = optional_array("running_var", running_var)
    check_bool("use_input_stats", use_input_stats, numpy=True)
    check_number("momentum", momentum, scalar=True)
    check_number("eps", eps)
    check_channels(op, x.shape)
    check_per_channel(x, x.shape[1], **params, running_mean=mean, running_var=var)
    mean, var = check_stats(op, mean, var, needed=not use_input_stats)
    if not use_input_stats:
        y = _by_running(x, mean, var, params["weight"], params["bias"], eps)
        return Normalised(y, mean, var)
    count = math.prod(x.shape[2:])
    if count == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got `input` of shape {x.shape}"
        )
    if count == 0 or x.shape[1] == 0:
        return Normalised(x, mean, var)
    centred, own_mean, own_var = moments(widened(x), tuple(range(2, x.ndim)))
    y = affine(centred, lax.rsqrt(own_var + eps), params["weight"], params["bias"], channels_shape(x))
    if mean is not None and var is not None:
        unbiased = own_var * (count / (count - 1))
        both = [jnp.mean(stat.reshape(x.shape[:2]), 0) for stat in (own_mean, unbiased)]
        if axis_name is not None:
            both = lax.pmean(both, axis_name)
        mean, var = _running(mean, both[0], momentum), _running(var, both[1], momentum)
    return Normalised(y.astype(x.dtype), mean, var)


def _by_running(
    x: jax.Array, mean: Any, var: Any, weight: jax.Array | None, bias: jax.Array | None, eps: float
) -> jax.Array:
    """x normalised with running statistics."""
    given, x = x.shape, long_rows(x)
    shape = channels_shape(x)
    scale = lax.rsqrt(widened(var, x) + eps).reshape(shape)
    y = affine(widened(x) - widened(mean, x).reshape(shape), scale, weight, bias, shape)
    return y.astype(x.dtype).reshape(given)


def _running(old: jax.Array, batch: jax.Array, momentum: float | jax.Array) -> jax.Array:
    """The running statistic after one batch: computed in at least float32, rounded to its own dtype once."""
    kept = widened(old, batch)
    # A momentum of 1 / num_batches_tracked is an array of a dtype of its own.
    share, rest = (jnp.asarray(m, kept.dtype) for m in (momentum, 1 - momentum))
    return lax.stop_gradient((rest * kept + share * batch.astype(kept.dtype)).astype(old.dtype))
