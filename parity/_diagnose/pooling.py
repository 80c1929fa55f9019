"""What people get wrong in pooling."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import changed, computing, padded, same_pads
from parity._diagnose.registry import Called, Cause, Form

Modules = Iterator[tuple[str, torch.nn.Module]]
Ways = Iterator[tuple[str, Callable[..., Any]]]

MAX, AVG = ("MaxPool1d", "MaxPool2d", "MaxPool3d"), ("AvgPool1d", "AvgPool2d", "AvgPool3d")
AVG_FUNCTIONS = ("avg_pool1d", "avg_pool2d", "avg_pool3d")
FUNCTIONS = ("max_pool1d", "max_pool2d", "max_pool3d", *AVG_FUNCTIONS)
_MAXIMUM: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
_AVERAGE: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def _is_max(module: Any) -> bool:
    return isinstance(module, (torch.nn.MaxPool1d, torch.nn.MaxPool2d, torch.nn.MaxPool3d))


def _ndim(module: Any) -> int:
    names = [kind.__name__ for kind in type(module).__mro__]
    return next(int(name[-2]) for name in names if name in MAX + AVG)


def _tuple(module: Any, name: str) -> tuple[int, ...]:
    value = getattr(module, name)
    return value if isinstance(value, tuple) else (value,) * _ndim(module)


def _with(text: str, name: str, values: tuple[Any, ...]) -> Form:
    """The form of a function: another value of an argument."""

    def form(called: Called) -> Ways:
        for value in values:

            def way(f: Any, x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, *_: Any, v: Any = value,
                    **k: Any) -> Any:  # fmt: skip
                return f(
                    x, **{"kernel_size": kernel_size, "stride": stride, "padding": padding, **k, name: v}
                )

            yield f"{text} is {value}", way

    return form


CEIL = Cause("pool.ceil_mode", "the other ceil_mode")
CEIL.tried(*FUNCTIONS)(_with("ceil_mode", "ceil_mode", (True, False)))


@CEIL.tried(*MAX, *AVG)
def _ceil(module: Any) -> Modules:
    other = not module.ceil_mode
    yield f"ceil_mode is {other}: torch's is {not other}", changed(module, ceil_mode=other)


COUNT = Cause("pool.count_include_pad", "padding that is counted in an average, or not")


@COUNT.tried(*AVG)
def _count(module: Any) -> Modules:
    other = not module.count_include_pad
    yield f"count_include_pad is {other}: torch's is {not other}", changed(module, count_include_pad=other)


PADDING = Cause("pool.padding", "another padding of the pooling")
PADDING.tried(*FUNCTIONS)(_with("the padding", "padding", (0, 1, 2)))
COUNT.tried(*AVG_FUNCTIONS)(_with("count_include_pad", "count_include_pad", (True, False)))


@PADDING.tried(*MAX, *AVG)
def _padding(module: Any) -> Modules:
    own = _tuple(module, "padding")
    for p in range(0, min(_tuple(module, "kernel_size")) // 2 + 1):
        if own != (p,) * len(own):
            yield f"the padding is {p}: torch's is {own}", changed(module, padding=(p,) * len(own))


@Cause("pool.stride", "another stride of the pooling").tried(*MAX, *AVG)
def _stride(module: Any) -> Modules:
    own = _tuple(module, "stride")
    for s in (1, 2, 3, _tuple(module, "kernel_size")[0]):
        if own != (s,) * len(own):
            yield f"the stride is {s}: torch's is {own}", changed(module, stride=(s,) * len(own))


@Cause("pool.same", "SAME padding of the pooling").tried(*MAX, *AVG)
def _same(module: Any) -> Modules:
    ndim, is_max = _ndim(module), _is_max(module)
    kernel, stride = _tuple(module, "kernel_size"), _tuple(module, "stride")
    text = f"SAME pads as the input's size needs it: torch's padding is {_tuple(module, 'padding')}"
    for end in (True, False):

        def same(self: Any, x: torch.Tensor, end: bool = end, count: bool = True) -> torch.Tensor:
            pads = same_pads(x.shape[-ndim:], kernel, stride, (1,) * ndim, end)
            if is_max:
                return _MAXIMUM[ndim](padded(x, pads, -torch.inf), kernel, stride)
            y = _AVERAGE[ndim](padded(x, pads), kernel, stride)
            return y if count else y / _AVERAGE[ndim](padded(torch.ones_like(x), pads), kernel, stride)

        yield text, computing(module, same)
        if not is_max:
            yield text, computing(module, lambda self, x, f=same: f(self, x, count=False))


@Cause("pool.padding_value", "zeros around the input of a maximum").tried(*MAX)
def _padding_value(module: Any) -> Modules:
    kernel, stride, padding = (_tuple(module, name) for name in ("kernel_size", "stride", "padding"))

    def zeros(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = padded(x, [(p, p) for p in padding])
        return _MAXIMUM[len(padding)](x, kernel, stride, 0, module.dilation, module.ceil_mode)

    yield "the padding is with zeros: torch pads with minus infinity", computing(module, zeros)


KIND = Cause("pool.kind", "an average for a maximum, or a maximum for an average")


@KIND.tried(*MAX, *AVG)
def _kind(module: Any) -> Modules:
    is_max, given = _is_max(module), (_tuple(module, n) for n in ("kernel_size", "stride", "padding"))
    arguments, other = tuple(given), (_AVERAGE if is_max else _MAXIMUM)[_ndim(module)]
    yield (
        f"it is {'average' if is_max else 'max'} pooling",
        computing(module, lambda self, x: other(x, *arguments, ceil_mode=module.ceil_mode)),
    )


@KIND.tried("mean", "adaptive_avg_pool2d")
def _maximum(called: Called) -> Ways:
    maximum = torch.amax if called.name == "mean" else F.adaptive_max_pool2d
    yield "it is a maximum: torch's is a mean", lambda f, x, *a, **k: maximum(x, *a, **k)
