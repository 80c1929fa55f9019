"""What people get wrong between layers: another order, a layer left out, an image turned."""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from parity._diagnose.hypothesis import computing
from parity._diagnose.registry import Called, Cause, forms
from parity._torch.network import Call

Way = Callable[..., Any]

INPUT, LAYER, LAYERS = "the input", "any layer", "two layers"


class _Calls(TorchFunctionMode):
    """Notes the functions called between the layers, or does one of them in another way."""

    def __init__(self, inside: list[str], change: tuple[int, Way] | None = None):
        super().__init__()
        self.inside = inside
        self.change = change
        self.seen: list[tuple[int, str, str, Called]] = []  # the number of the call, in which layer, of what
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
            name = getattr(func, "__name__", "")
            self.seen.append((index, path, name, Called(name.strip("_"), args, kwargs)))
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


def mistakes(
    module: torch.nn.Module, inputs: Sequence[Any], calls: Sequence[Call], judged: Sequence[str]
) -> Iterator[tuple[str, Cause, str, torch.nn.Module]]:
    """Where, what, the fix, and the network with it: for the input, each function and each layer.

    Args:
        module: torch's network.
        inputs: tensors.
        calls: of its layers.
        judged: the paths of the layers that are right on their own.
    """
    original = type(module).forward
    for cause, fix, turn in forms(INPUT):

        def forward(self: Any, *inputs: Any, turn: Way = turn) -> Any:
            return original(self, *(turn(x) if x.ndim > 3 else x for x in inputs))

        yield "", cause, fix, computing(module, forward)
    modes: list[_Calls] = []

    def record(inside: list[str]) -> _Calls:
        modes.append(_Calls(inside))
        return modes[-1]

    with torch.no_grad():
        _watched(module, judged, record)(*inputs)
    sites = modes[0].seen
    for index, path, name, called in sites:
        for cause, fix, way in forms(called.name, called) if called.args else ():
            nth = sum(other == name for i, _, other, _ in sites if i <= index)
            where = path or f"{name} (call {nth} between the layers)"
            variant = _watched(module, judged, lambda inside, i=index, w=way: _Calls(inside, (i, w)))
            yield where, cause, fix, variant
    usable = [c for c in calls if c.path and c.args and hasattr(c.args[0], "shape") and c.outputs]
    for call in usable:
        for cause, fix, layer in forms(LAYER, call):
            yield call.name, cause, fix, _replaced(module, call.path, layer)
    for i, a in enumerate(usable):
        for b in usable[i + 1 : i + 5]:
            for cause, fix, make in forms(LAYERS, a, b):
                yield a.name, cause, fix, make(module)


def _replaced(module: torch.nn.Module, path: str, layer: torch.nn.Module) -> torch.nn.Module:
    new = copy.deepcopy(module)
    parent, _, name = path.rpartition(".")
    setattr(new.get_submodule(parent), name, layer)
    return new


def _turn(id: str, says: str, *turns: tuple[str, Way]) -> None:
    Cause(id, says).tried(INPUT)(lambda: iter(turns))


def _misread(x: torch.Tensor) -> torch.Tensor:
    n, c, *size = x.shape
    return x.reshape(n, *size, c).movedim(-1, 1)


def _misread_back(x: torch.Tensor) -> torch.Tensor:
    return x.movedim(1, -1).reshape(x.shape)


_turn(
    "input.hw_swapped",
    "height and width of the input swapped",
    (
        "height and width of the input are swapped: the transposition to NHWC is (0, 2, 3, 1)",
        lambda x: x.transpose(-1, -2),
    ),
)
_turn(
    "input.flipped",
    "an input that is flipped",
    ("the input is flipped in height", lambda x: x.flip(-2)),
    ("the input is flipped in width", lambda x: x.flip(-1)),
)
_turn(
    "input.channels",
    "the input's channels in the reverse order",
    ("the input's channels are in the reverse order (RGB against BGR)", lambda x: x.flip(1)),
)
_turn(
    "layout.reinterpreted",
    "an input that is reshaped where it should be transposed",
    ("the input is reshaped where it should be transposed to NHWC: use transpose(0, 2, 3, 1)", _misread),
    ("the input is in NHWC's order though its shape is NCHW's: transpose(0, 3, 1, 2)", _misread_back),
)


def _function(id: str, says: str, names: tuple[str, ...], *ways: tuple[str, Way]) -> None:
    Cause(id, says).tried(*names)(lambda called: iter(ways))


def _two_tensors(id: str, says: str, names: tuple[str, ...], *ways: tuple[str, Way]) -> None:
    @Cause(id, says).tried(*names)
    def form(called: Called) -> Iterator[tuple[str, Way]]:
        if len(called.args) > 1 and isinstance(called.args[1], torch.Tensor):
            yield from ways


_two_tensors(
    "residual.missing",
    "a term of a sum that is left out",
    ("add", "iadd", "radd"),
    ("the second term of the sum is left out", lambda f, a, b, **k: a + 0 * b),
    ("the first term of the sum is left out", lambda f, a, b, **k: b + 0 * a),
)
_two_tensors(
    "scale.missing",
    "a factor that is left out",
    ("mul", "imul", "rmul"),
    ("the second factor is left out", lambda f, a, b: a.expand(torch.broadcast_shapes(a.shape, b.shape))),
    ("the first factor is left out", lambda f, a, b: b.expand(torch.broadcast_shapes(a.shape, b.shape))),
)
_function(
    "concat.order",
    "parts in another order",
    ("cat", "concat", "concatenate"),
    ("the parts are in the reverse order", lambda f, parts, *a, **k: f(parts[::-1], *a, **k)),
    ("the parts are in another order", lambda f, parts, *a, **k: f([*parts[1:], parts[0]], *a, **k)),
)
_function(
    "pixel_shuffle.order",
    "depth_to_space's order of the channels",
    ("pixel_shuffle",),
    (
        "the channels are (r, r, C), as in depth_to_space: torch's are (C, r, r)",
        lambda f, x, r: f(x.unflatten(1, (r * r, -1)).transpose(1, 2).flatten(1, 2), r),
    ),
)


def _layer(id: str, says: str, fix: str, forward: Callable[[Way], Way], any_shape: bool = False) -> None:
    @Cause(id, says).tried(LAYER)
    def form(call: Call) -> Iterator[tuple[str, torch.nn.Module]]:
        if any_shape or call.args[0].shape == call.outputs[0][0]:
            yield fix, computing(call.module, forward(type(call.module).forward))


_layer(
    "layer.skipped",
    "a layer that is not called",
    "the layer is not called",
    lambda f: lambda self, x, *rest: x,
)
_layer(
    "layer.repeated",
    "a layer that is called twice",
    "the layer is called twice",
    lambda f: lambda self, x: f(self, f(self, x)),
)
_layer(
    "gradient.stopped",
    "a gradient that does not pass",
    "no gradient passes through the layer (stop_gradient?)",
    lambda f: lambda self, *x: f(self, *x).detach(),
    any_shape=True,
)


@Cause("layer.order", "two layers that changed places").tried(LAYERS)
def _order(a: Call, b: Call) -> Iterator[tuple[str, Callable[[torch.nn.Module], torch.nn.Module]]]:
    if a.args[0].shape == b.args[0].shape and a.outputs == b.outputs and a.path != b.path:
        yield f"it changes places with {b.name!r}", lambda module: _exchanged(module, a.path, b.path)


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
