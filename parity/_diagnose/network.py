"""Mistakes between layers: another function, another order, a layer left out, an image turned."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from parity._diagnose.hypothesis import Hypothesis, computing
from parity._diagnose.others import ACTIVATIONS, activation_cause, resizes
from parity._torch.network import Call

Way = Callable[..., Any]


@dataclass(frozen=True)
class Site:
    """A call of a function between the layers: the how-manieth, and its name."""

    index: int
    name: str
    path: str


class _Calls(TorchFunctionMode):
    """Notes the functions called between the layers, or does one of them in another way."""

    def __init__(self, inside: list[str], change: tuple[int, Way] | None = None):
        super().__init__()
        self.inside = inside
        self.change = change
        self.seen: list[tuple[Site, Any, tuple[Any, ...], dict[str, Any]]] = []
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.inside and self.inside[-1] is not None and self.inside[-1].startswith("!"):
            return func(*args, **kwargs)
        index, self.count = self.count, self.count + 1
        if self.change is not None and index == self.change[0]:
            return self.change[1](func, *args, **kwargs)
        if self.change is None:
            path = self.inside[-1] if self.inside else ""
            self.seen.append((Site(index, getattr(func, "__name__", ""), path), func, args, kwargs))
        return func(*args, **kwargs)


def _watched(
    module: torch.nn.Module, judged: Sequence[str], mode: Callable[[list[str]], _Calls]
) -> torch.nn.Module:
    """A copy whose forward runs under `mode`, which knows where it is; judged layers are marked with '!'."""
    original = type(module).forward

    def forward(self: Any, *inputs: Any) -> Any:
        inside: list[str] = []
        handles = []
        for name, layer in self.named_modules():
            if name:
                mark = f"!{name}" if name in judged else name
                handles.append(layer.register_forward_pre_hook(lambda _, __, m=mark: inside.append(m)))
                handles.append(layer.register_forward_hook(lambda _, __, ___: inside.pop() and None))
        try:
            with mode(inside):
                return original(self, *inputs)
        finally:
            for handle in handles:
                handle.remove()

    return computing(module, forward)


def hypotheses(
    module: torch.nn.Module, inputs: Sequence[Any], calls: Sequence[Call], judged: Sequence[str]
) -> Iterator[tuple[str, Hypothesis]]:
    """Where, and what: for each function between the layers, for each layer, and for the input.

    Args:
        module: torch's network.
        inputs: tensors.
        calls: of its layers.
        judged: the paths of the layers that are right on their own.
    """
    yield from _inputs(module)
    modes: list[_Calls] = []

    def record(inside: list[str]) -> _Calls:
        modes.append(_Calls(inside))
        return modes[-1]

    with torch.no_grad():
        _watched(module, judged, record)(*inputs)
    sites = modes[0].seen
    for site, func, args, kwargs in sites:
        for cause, fix, way in _ways(site.name, func, args, kwargs):
            nth = sum(s.name == site.name for s, *_ in sites if s.index <= site.index)
            where = site.path or f"{site.name} (call {nth} between the layers)"
            variant = _watched(module, judged, lambda inside, i=site.index, w=way: _Calls(inside, (i, w)))
            yield where, Hypothesis(cause, fix, variant)
    yield from _layers(module, calls)


def _replaced(module: torch.nn.Module, **by_path: torch.nn.Module) -> torch.nn.Module:
    new = copy.deepcopy(module)
    for path, layer in by_path.items():
        parent, _, name = path.rpartition(".")
        setattr(new.get_submodule(parent), name, layer)
    return new


def _layers(module: torch.nn.Module, calls: Sequence[Call]) -> Iterator[tuple[str, Hypothesis]]:
    usable = [c for c in calls if c.path and c.args and hasattr(c.args[0], "shape") and c.outputs]
    for call in usable:
        original = type(call.module).forward
        if call.args[0].shape == call.outputs[0][0]:
            skip = computing(call.module, lambda self, x, *rest: x)
            yield (
                call.name,
                Hypothesis(
                    "layer.skipped", "the layer is not called", _replaced(module, **{call.path: skip})
                ),
            )
            twice = computing(call.module, lambda self, x, f=original: f(self, f(self, x)))
            yield (
                call.name,
                Hypothesis(
                    "layer.repeated", "the layer is called twice", _replaced(module, **{call.path: twice})
                ),
            )
        stopped = computing(call.module, lambda self, *x, f=original: f(self, *x).detach())
        yield (
            call.name,
            Hypothesis(
                "gradient.stopped",
                "no gradient passes through the layer (stop_gradient?)",
                _replaced(module, **{call.path: stopped}),
            ),
        )
    for i, a in enumerate(usable):
        for b in usable[i + 1 : i + 5]:
            same = a.args[0].shape == b.args[0].shape and a.outputs == b.outputs
            if same and a.path != b.path:
                fix = f"it changes places with {b.name!r}"
                yield a.name, Hypothesis("layer.order", fix, _exchanged(module, a.path, b.path))


def _exchanged(module: torch.nn.Module, first: str, second: str) -> torch.nn.Module:
    """A copy where each of two layers computes what the other does, with the other's parameters."""
    new = copy.deepcopy(module)
    pair = new.get_submodule(first), new.get_submodule(second)
    for layer, other in (pair, pair[::-1]):
        # Not as a child: parameters keep their names.
        layer.__dict__["_exchanged"] = (other, type(other).forward)
    for layer in pair:
        kind = type(layer)
        forward = {"forward": lambda self, *x: self._exchanged[1](self._exchanged[0], *x)}
        layer.__class__ = type(kind.__name__, (kind,), forward)
    return new


def _inputs(module: torch.nn.Module) -> Iterator[tuple[str, Hypothesis]]:
    turns: list[tuple[str, str, Way]] = [
        (
            "input.hw_swapped",
            "height and width of the input are swapped: the transposition to NHWC is (0, 2, 3, 1)",
            lambda x: x.transpose(-1, -2),
        ),
        ("input.flipped", "the input is flipped in height", lambda x: x.flip(-2)),
        ("input.flipped", "the input is flipped in width", lambda x: x.flip(-1)),
        (
            "input.channels",
            "the input's channels are in the reverse order (RGB against BGR)",
            lambda x: x.flip(1),
        ),
        (
            "layout.reinterpreted",
            "the input is reshaped where it should be transposed to NHWC: use transpose(0, 2, 3, 1)",
            _misread,
        ),
        (
            "layout.reinterpreted",
            "the input is in NHWC's order though its shape is NCHW's: transpose(0, 3, 1, 2)",
            _misread_back,
        ),
    ]
    original = type(module).forward
    for cause, fix, turn in turns:

        def forward(self: Any, *inputs: Any, turn: Way = turn) -> Any:
            return original(self, *(turn(x) if x.ndim > 3 else x for x in inputs))

        yield "", Hypothesis(cause, fix, computing(module, forward))


def _misread(x: torch.Tensor) -> torch.Tensor:
    n, c, *size = x.shape
    return x.reshape(n, *size, c).movedim(-1, 1)


def _misread_back(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(1, -1).reshape(x.shape)


def _ways(name: str, func: Way, args: Any, kwargs: Any) -> Iterator[tuple[str, str, Way]]:
    name = name.strip("_")
    if not args:
        return
    x = args[0]
    if name in _ACTIVATION_NAMES and isinstance(x, torch.Tensor):
        for other, function in ACTIVATIONS.items():
            text = f"it is {other}: torch's is {name}{_shown(args[1:], kwargs)}"
            yield activation_cause(name, other), text, lambda _, x, *a, f=function, **k: f(x)
    elif name in ("softmax", "log_softmax", "softmin"):
        for dim in range(-1, x.ndim):
            text = f"it is over dimension {dim}: torch's{_shown(args[1:], kwargs)}"
            yield "softmax.axis", text, lambda f, x, *a, d=dim, **k: f(x, **{**k, "dim": d})
        kind: Any = F.log_softmax if name == "softmax" else F.softmax
        yield (
            "softmax.kind",
            f"it is {kind.__name__}",
            lambda f, x, *a, o=kind, **k: o(x, dim=a[0] if a else k["dim"]),
        )
    elif name == "interpolate":
        names = ("input", "size", "scale_factor", "mode", "align_corners")
        given = {**dict(zip(names[1:], args[1:], strict=False)), **kwargs}
        for cause, text, arguments in resizes(**given):
            yield cause, text, lambda f, x, *_, a=arguments, **__: f(x, **a)
    elif name in ("add", "iadd", "radd") and len(args) > 1 and isinstance(args[1], torch.Tensor):
        yield "residual.missing", "the second term of the sum is left out", lambda f, a, b, **k: a + 0 * b
        yield "residual.missing", "the first term of the sum is left out", lambda f, a, b, **k: b + 0 * a
    elif name in ("mul", "imul", "rmul") and len(args) > 1 and isinstance(args[1], torch.Tensor):
        yield (
            "scale.missing",
            "the second factor is left out",
            lambda f, a, b: a.expand(torch.broadcast_shapes(a.shape, b.shape)),
        )
        yield (
            "scale.missing",
            "the first factor is left out",
            lambda f, a, b: b.expand(torch.broadcast_shapes(a.shape, b.shape)),
        )
    elif name in ("cat", "concat", "concatenate"):
        yield (
            "concat.order",
            "the parts are in the reverse order",
            lambda f, parts, *a, **k: f(parts[::-1], *a, **k),
        )
        yield (
            "concat.order",
            "the parts are in another order",
            lambda f, parts, *a, **k: f([*parts[1:], parts[0]], *a, **k),
        )
    elif name in ("flatten", "reshape", "view") and isinstance(x, torch.Tensor) and x.ndim > 3:
        text = "the image is flattened channels last: torch flattens (C, H, W); transpose to NCHW before the reshape"
        yield (
            "flatten.order",
            text,
            lambda f, x, *a, **k: f(x.movedim(1, -1), *a, **k).reshape(f(x, *a, **k).shape),
        )
    elif name == "pixel_shuffle":
        yield (
            "pixel_shuffle.order",
            "the channels are (r, r, C), as in depth_to_space: torch's are (C, r, r)",
            lambda f, x, r: f(x.unflatten(1, (r * r, -1)).transpose(1, 2).flatten(1, 2), r),
        )
    elif name in ("layer_norm", "group_norm", "batch_norm", "instance_norm"):
        for eps in (1e-3, 1e-5, 1e-6, 1e-8, 1e-12):
            yield (
                "norm.epsilon",
                f"epsilon is {eps:g}",
                lambda f, *a, e=eps, **k: f(*a[: _NORM_EPS[name]], **{**k, "eps": e}),
            )
    elif name in ("mean", "adaptive_avg_pool2d"):
        yield (
            "pool.kind",
            "it is a maximum: torch's is a mean",
            lambda f, x, *a, **k: _maximum(name, x, *a, **k),
        )
    elif "pool" in name:
        yield from _pools(name, x)


def _maximum(name: str, x: torch.Tensor, *a: Any, **k: Any) -> torch.Tensor:
    if name == "mean":
        return torch.amax(x, *a, **k)
    return F.adaptive_max_pool2d(x, *a, **k)


def _pools(name: str, x: torch.Tensor) -> Iterator[tuple[str, str, Way]]:
    def other(change: dict[str, Any]) -> Way:
        def way(
            f: Way, x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, *rest: Any, **k: Any
        ) -> Any:
            return f(x, **{"kernel_size": kernel_size, "stride": stride, "padding": padding, **k, **change})

        return way

    for ceil in (True, False):
        yield "pool.ceil_mode", f"ceil_mode is {ceil}", other({"ceil_mode": ceil})
    for p in range(3):
        yield "pool.padding", f"the padding is {p}", other({"padding": p})
    if name.startswith("avg"):
        for count in (True, False):
            yield (
                "pool.count_include_pad",
                f"count_include_pad is {count}",
                other({"count_include_pad": count}),
            )


_NORM_EPS = {"layer_norm": 4, "group_norm": 4, "batch_norm": 7, "instance_norm": 7}
"""How many arguments come before eps."""

_ACTIVATION_NAMES = frozenset(
    [
        "relu",
        "relu6",
        "gelu",
        "silu",
        "hardswish",
        "sigmoid",
        "hardsigmoid",
        "tanh",
        "elu",
        "selu",
        "celu",
        "softplus",
    ]
) | {"mish", "leaky_relu", "hardtanh"}


def _shown(args: Any, kwargs: Any) -> str:
    words = [repr(a) for a in args] + [
        f"{k}={v!r}" for k, v in kwargs.items() if k not in ("inplace", "_stacklevel")
    ]
    return f"({', '.join(w for w in words if w not in ('False', 'None'))})"
