"""What a call of one of torch's functions cannot show with the numbers that it is given."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional as F

Args = Sequence[Any]
Kwargs = Mapping[str, Any]
Rule = Callable[[Args, Kwargs], Iterator[str]]
"""(args, kwargs) of a call that is to come -> the ids of `parity._torch.unseen.KINDS`."""


def _argument(args: Args, kwargs: Kwargs, index: int, name: str, default: Any = None) -> Any:
    return args[index] if len(args) > index else kwargs.get(name, default)


def _each(value: Any, count: int) -> tuple[Any, ...]:
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    return values * count if len(values) == 1 else values


def _relu(args: Args, kwargs: Kwargs) -> Iterator[str]:
    if not (args[0] > 0).any():
        yield "relu.dead"
    elif not (args[0] < 0).any():
        yield "relu.identity"


def _limits(x: torch.Tensor, low: Any, high: Any) -> Iterator[str]:
    if x.is_floating_point() and high is not None and not (x > high).any():
        yield "clamp.upper"
    if x.is_floating_point() and low is not None and not (x < low).any():
        yield "clamp.lower"


def _clamp(args: Args, kwargs: Kwargs) -> Iterator[str]:
    return _limits(args[0], _argument(args, kwargs, 1, "min"), _argument(args, kwargs, 2, "max"))


def _hardtanh(args: Args, kwargs: Kwargs) -> Iterator[str]:
    low, high = _argument(args, kwargs, 1, "min_val", -1.0), _argument(args, kwargs, 2, "max_val", 1.0)
    return _limits(args[0], low, high)


def _slope(args: Args, kwargs: Kwargs) -> Iterator[str]:
    if not (args[0] < 0).any():
        yield "slope.unused"


def _same_pads(n: int, k: int, s: int, p: int, d: int) -> bool:
    """Whether 'SAME' pads (p, p)."""
    total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
    return (total // 2, total - total // 2) == (p, p)


def _padding(size: Sequence[int], kernel: Any, stride: Any, padding: Any, dilation: Any) -> Iterator[str]:
    """Whether 'SAME' pads as torch does here, and not at every size."""
    settings = (_each(v, len(size)) for v in (kernel, stride, padding, dilation))
    windows = list(zip(size, *settings, strict=True))
    other = any(not _same_pads(n + i, *rest) for n, *rest in windows for i in range(1, rest[1] + 1))
    if other and all(_same_pads(*window) for window in windows):
        yield "window.same_padding"


def _conv(args: Args, kwargs: Kwargs) -> Iterator[str]:
    weight = _argument(args, kwargs, 1, "weight")
    padding = _argument(args, kwargs, 4, "padding", 0)
    if not isinstance(padding, str):
        stride, dilation = _argument(args, kwargs, 3, "stride", 1), _argument(args, kwargs, 5, "dilation", 1)
        yield from _padding(args[0].shape[2 - weight.dim() :], weight.shape[2:], stride, padding, dilation)
    yield from _zero(weight)


def _pool(ndim: int, greatest: bool) -> Rule:
    def rule(args: Args, kwargs: Kwargs) -> Iterator[str]:
        x, kernel = args[0], _each(_argument(args, kwargs, 1, "kernel_size"), ndim)
        stride = _each(_argument(args, kwargs, 2, "stride") or kernel, ndim)
        padding = _each(_argument(args, kwargs, 3, "padding", 0), ndim)
        dilation = _each(_argument(args, kwargs, 4, "dilation", 1) if greatest else 1, ndim)
        size = x.shape[-ndim:]
        yield from _padding(size, kernel, stride, padding, dilation)
        windows = zip(size, kernel, stride, padding, dilation, strict=True)
        if max(stride) > 1 and all((n + 2 * p - d * (k - 1) - 1) % s == 0 for n, k, s, p, d in windows):
            yield "window.rounding"
        if greatest and max(padding) > 0:
            pool = getattr(F, f"max_pool{ndim}d")
            zeros = F.pad(x, [p for p in reversed(padding) for _ in range(2)])
            # With ceil_mode a window may begin in the padding, which these two treat in their own ways.
            of_zeros = pool(zeros, kernel, stride, 0, dilation)
            if torch.equal(pool(x, kernel, stride, padding, dilation), of_zeros):
                yield "max_pool.padding"

    return rule


def _softmax(args: Args, kwargs: Kwargs) -> Iterator[str]:
    dim = _argument(args, kwargs, 1, "dim")
    if isinstance(dim, int) and args[0].dim() and args[0].shape[dim] == 1:
        yield "softmax.one"


def _attention(axis: int) -> Rule:
    def rule(args: Args, kwargs: Kwargs) -> Iterator[str]:
        if _argument(args, kwargs, 1, "key").shape[axis] == 1:
            yield "softmax.one"

    return rule


def _zero(*factors: Any) -> Iterator[str]:
    for factor in factors:
        is_number = isinstance(factor, torch.Tensor) and factor.is_floating_point() and factor.numel()
        if is_number and not factor.any():
            yield "scale.zero"


def _mul(args: Args, kwargs: Kwargs) -> Iterator[str]:
    return _zero(*args)


def _weight(index: int) -> Rule:
    return lambda args, kwargs: _zero(_argument(args, kwargs, index, "weight"))


def _batch_norm(args: Args, kwargs: Kwargs) -> Iterator[str]:
    mean, var = _argument(args, kwargs, 1, "running_mean"), _argument(args, kwargs, 2, "running_var")
    if mean is not None and not _argument(args, kwargs, 5, "training", False):
        yield "batch_norm.eval"
        if not mean.any() and (var == 1).all():
            yield "batch_norm.initial"
    yield from _zero(_argument(args, kwargs, 3, "weight"))


def _dropout(args: Args, kwargs: Kwargs) -> Iterator[str]:
    if _argument(args, kwargs, 1, "p", 0.5) > 0 and not _argument(args, kwargs, 2, "training", True):
        yield "dropout.eval"


def _resize(args: Args, kwargs: Kwargs) -> Iterator[str]:
    x = args[0]
    ndim = x.dim() - 2
    size, scale = _argument(args, kwargs, 1, "size"), _argument(args, kwargs, 2, "scale_factor")
    same = size is not None and tuple(_each(size, ndim)) == tuple(x.shape[2:])
    if same or (scale is not None and set(_each(scale, ndim)) == {1}):
        yield "resize.same_size"


def _adaptive(args: Args, kwargs: Kwargs) -> Iterator[str]:
    size = _each(_argument(args, kwargs, 1, "output_size"), 1)
    ndim = len(size) if len(size) > 1 else args[0].dim() - 2
    if all(n in (None, own) for n, own in zip(_each(size, ndim), args[0].shape[-ndim:], strict=False)):
        yield "resize.same_size"


def is_negative(name: str, args: Args, kwargs: Kwargs) -> bool:
    """Whether the function of this name may give negative numbers."""
    if name == "hardtanh":
        return bool(_argument(args, kwargs, 1, "min_val", -1.0) < 0)
    return name not in ("relu", "relu6", "sigmoid", "softmax", "hardsigmoid")


def keeps_sign(name: str) -> bool:
    """Whether the function of this name gives no negative numbers if its first argument has none."""
    moves = ("flatten", "reshape", "view", "permute", "transpose", "getitem", "mean", "sum", "dropout")
    return name in moves or name.rstrip("123d").endswith("_pool")


RULES: dict[str, Rule] = {
    "relu": _relu,
    "relu6": lambda args, _: _limits(args[0], 0.0, 6.0),
    "hardtanh": _hardtanh,
    "clamp": _clamp,
    "clip": _clamp,
    "hardswish": lambda args, _: _limits(args[0], -3.0, 3.0),
    "hardsigmoid": lambda args, _: _limits(args[0], -3.0, 3.0),
    **dict.fromkeys(("leaky_relu", "prelu", "elu", "selu", "celu"), _slope),
    **{f"conv{n}d": _conv for n in (1, 2, 3)},
    **{f"max_pool{n}d": _pool(n, True) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _pool(n, False) for n in (1, 2, 3)},
    **{f"adaptive_{kind}_pool{n}d": _adaptive for kind in ("avg", "max") for n in (1, 2, 3)},
    "softmax": _softmax,
    "log_softmax": _softmax,
    "scaled_dot_product_attention": _attention(-2),
    "multi_head_attention_forward": _attention(0),
    **dict.fromkeys(("mul", "rmul", "multiply"), _mul),
    "linear": _weight(1),
    "layer_norm": _weight(2),
    "rms_norm": _weight(2),
    "group_norm": _weight(2),
    "instance_norm": _weight(3),
    "batch_norm": _batch_norm,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout"), _dropout),
    "interpolate": _resize,
    "upsample": _resize,
}
"""By the function's name, without the underscore of one that works in place."""
