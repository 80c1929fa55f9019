"""Rounding as noise: how far a network carries the roundings of each of its operations (Monte Carlo arithmetic).

D. S. Parker, "Monte Carlo Arithmetic", UCLA CSD-970002, 1997: run in a wide format, move the result of every operation
at random within what rounding may do to it, and look how far the end moves.
"""

import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch._decomp import get_decompositions
from torch.utils._python_dispatch import TorchDispatchMode

from parity._bounds.tolerance import Arithmetic, arithmetic, confidence, probable_gamma

_aten = torch.ops.aten


def _words(text: str) -> list[str]:
    return text.split()


_COMPOSITE = get_decompositions(
    [
        getattr(_aten, name)
        for name in _words(
            """native_batch_norm _native_batch_norm_legit native_batch_norm_backward native_layer_norm
            native_layer_norm_backward native_group_norm native_group_norm_backward _softmax _softmax_backward_data
            _log_softmax _log_softmax_backward_data _safe_softmax gelu gelu_backward silu silu_backward mish
            mish_backward elu elu_backward hardswish hardswish_backward hardsigmoid hardsigmoid_backward softplus
            softplus_backward log_sigmoid_forward log_sigmoid_backward sigmoid_backward tanh_backward std addcmul
            addcdiv"""
        )
        if hasattr(_aten, name)
    ]
)
"""Operations of several steps, which torch itself writes in steps: noise belongs into each."""


def _var_mean(variance: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The variance, an operation of its own, and the mean; torch's own steps would import a compiler first: seconds."""
    given = dict(zip([a.name for a in variance._schema.arguments[1:]], args, strict=False)) | kwargs
    dims = given.get("dim") or range(x.ndim)
    dims = [dims] if isinstance(dims, int) else list(dims)
    total = x.sum(dims, keepdim=given.get("keepdim", False))
    return variance(x, *args, **kwargs), total / math.prod(x.shape[d] for d in dims)


_COMPOSITE |= {
    getattr(_aten.var_mean, name): partial(_var_mean, getattr(_aten.var, name))
    for name in _aten.var_mean.overloads()
    if not name.startswith("names") and not name.endswith("out")
}

# A selection, a copy or a change of shape rounds nothing. (Views are known by their schema.)
_EXACT = frozenset(
    _words(
        """clone _to_copy copy_ cat stack index index_select gather embedding constant_pad_nd relu relu_
        threshold_backward where max min amax amin maximum minimum clamp clamp_min clamp_max abs neg sign zero_ fill_
        masked_fill sort topk ones zeros full empty arange new_zeros new_ones new_empty zeros_like ones_like full_like
        empty_like rand randn rand_like randn_like scalar_tensor lift_fresh_copy flip roll repeat hardtanh hardtanh_
        hardtanh_backward max_pool2d_with_indices max_pool3d_with_indices pixel_shuffle pixel_unshuffle
        channel_shuffle native_channel_shuffle upsample_nearest1d upsample_nearest2d upsample_nearest3d
        reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d
        _unsafe_view select_backward slice_backward max_unpool2d max_unpool3d floor ceil round bernoulli bernoulli_
        uniform_ normal_"""
    )
)


def _ratio(args: Any, outputs: Any) -> float:
    """Terms of a sum, for an operation that sums over all that is not in its output."""
    return max(args[0].numel() / max(outputs[0].numel(), 1), 1.0)


def _convolution(args: Any, outputs: Any) -> float:
    weight, transposed = args[1], args[6]
    return weight.numel() / weight.shape[1 if transposed else 0]


def _convolution_backward(args: Any, outputs: Any) -> float:
    grad, _, weight = args[:3]
    return max(weight.numel() / min(weight.shape[:2]), grad.numel() / max(grad.shape[1], 1), 1.0)


_PRODUCTS: dict[str, Callable[[Any, Any], float]] = {
    "convolution": _convolution,
    "convolution_backward": _convolution_backward,
    "mm": lambda args, _: args[0].shape[-1],
    "bmm": lambda args, _: args[0].shape[-1],
    "mv": lambda args, _: args[0].shape[-1],
    "dot": lambda args, _: args[0].shape[-1],
    "addmm": lambda args, _: args[1].shape[-1] + 1,
    "baddbmm": lambda args, _: args[1].shape[-1] + 1,
    "addmv": lambda args, _: args[1].shape[-1] + 1,
}
_SUMS = frozenset(
    _words(
        "sum mean avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d cumsum im2col"
    )
)
_SHORT_SUMS = frozenset(
    _words(
        """upsample_linear1d upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_bilinear2d_aa
        _upsample_bicubic2d_aa scatter_add index_add index_put _index_put_impl col2im"""
    )
)
"""Each element of the result is a sum over a few windows or taps; so it is in what is left of backward passes."""
_FEW = 64.0

_ULPS = 4.0
"""Roundings of an operation on single numbers: exp, tanh, erf and the like are a few units in the last place off."""


_TRIALS = 8

_NARROW = (torch.float32, torch.bfloat16, torch.float16)


class Wide(TorchDispatchMode):
    """Keeps a float64 run in float64, and moves every operation's result, forward and backward, if told to.

    Args:
        how: what rounding is imitated, or None for no noise.
        seed: of the noise.
    """

    def __init__(self, how: Arithmetic | None = None, seed: int = 0):
        super().__init__()
        self.how = how
        self.bits = np.random.SFC64(seed)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No compiler is at work here. To have it step aside, torch would first import it: seconds."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs one operation, and adds the noise."""
        # What a network casts to float32 on purpose, or makes anew, is to be exact here too.
        kwargs = {k: torch.float64 if v in _NARROW else v for k, v in (kwargs or {}).items()}
        # Also without noise: in one piece some are less exact, as hardsigmoid's gradient, whose 1/6 is a float32.
        if func in _COMPOSITE:
            with self:
                return _COMPOSITE[func](*args, **kwargs)
        if self.how is None:
            return func(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        result = func(*args, **kwargs)
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
        if is_view or name in _EXACT:
            return result
        outputs = result if isinstance(result, tuple | list) else (result,)
        limits = _limits(self.how, name.rstrip("_"), func, args, kwargs, outputs)
        for output, limit in zip(outputs, limits, strict=True):
            if isinstance(output, torch.Tensor) and output.is_floating_point() and limit is not None:
                self._move(output, limit)
        return result

    def _move(self, output: torch.Tensor, limit: Any) -> None:
        """Moves each element by up to its limit, in place, so that it reaches whoever an operation in place wrote to.

        Args:
            output: the result of an operation.
            limit: a tensor of its shape, or a float: relative to the element.
        """
        # Of the noise a few digits are enough: 16 bits take a fraction of the time.
        words = self.bits.random_raw(-(-output.numel() // 4)).view(np.int16)[: output.numel()]
        noise = torch.from_numpy(words).to(output.dtype).view(output.shape)
        scale = limit if isinstance(limit, torch.Tensor) else output
        if not math.isfinite(float(scale.sum())):  # what is no number, or infinite, stays so
            scale = torch.nan_to_num(scale, 0.0, 0.0, 0.0)
        output.addcmul_(noise, scale, value=(1.0 if scale is limit else limit) / 2**15)


def _limits(how: Arithmetic, name: str, func: Any, args: Any, kwargs: Any, outputs: Any) -> list[Any]:
    floating = [isinstance(y, torch.Tensor) and y.is_floating_point() for y in outputs]
    if name in _PRODUCTS:
        count = _PRODUCTS[name](args, outputs)
    elif name in _SUMS:
        count = _ratio(args, outputs)
    elif name in _SHORT_SUMS or name.endswith("_backward"):
        count = _FEW
    else:
        return [_ULPS * how.store if f else None for f in floating]
    how = how if name in _PRODUCTS else how.plain()
    size = sum(y.numel() for y, f in zip(outputs, floating, strict=True) if f)
    relative = float(
        probable_gamma(math.ceil(count), how.accumulate, confidence(count * size, how.accumulate))
    )
    relative += (1 + how.factors) ** 2 - 1
    if func._schema.is_mutable:  # its arguments are overwritten already
        magnitudes = [y.abs() if f else None for y, f in zip(outputs, floating, strict=True)]
    else:
        # So of the magnitudes, where float32's range is that of what is imitated.
        to = torch.float32 if how.store >= 2.0**-24 else torch.float64
        positive = torch.utils._pytree.tree_map(partial(_absolute, to=to), (args, kwargs))
        sums = func(*positive[0], **positive[1])
        magnitudes = list(sums) if isinstance(sums, tuple | list) else [sums]
    limits = [
        m.to(torch.float64, copy=True).mul_(relative).add_(y.abs(), alpha=how.store)
        if f and m is not None
        else None
        for y, m, f in zip(outputs, magnitudes, floating, strict=True)
    ]
    of_bias = magnitudes[2] if name == "convolution_backward" else None
    if how.sums is not None and of_bias is not None:
        terms = outputs[0].numel() / outputs[0].shape[1]  # the gradient of the bias is a sum without products
        factor = probable_gamma(math.ceil(terms), how.sums, confidence(outputs[0].numel(), how.sums))
        limits[2] = limits[2] + float(factor) * of_bias
    return limits


def _absolute(x: Any, to: torch.dtype) -> Any:
    return x.to(to, copy=True).abs_() if isinstance(x, torch.Tensor) and x.is_floating_point() else x


def uncertainty(run: Callable[[tuple[Arithmetic, int]], Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """How far off float64 itself may be, for each element of each floating result.

    Args:
        run: (arithmetic, seed) -> what it gives with noise.

    Returns:
        Six times the root mean square of what the noise of float64's roundings does: uniform noise leaves its own
        limit at 1.7 times.
    """
    how = arithmetic(np.float64)
    samples = [run((how, seed)) for seed in range(_TRIALS)]
    floating = [name for name, a in samples[0].items() if a.dtype == np.float64]
    return {name: 6 * np.std([s[name] for s in samples], axis=0) for name in floating}
