"""What people get wrong in convolutions and dense layers."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import Pads, changed, computing, padded, same_pads, with_weight
from parity._diagnose.registry import Called, Cause

Modules = Iterator[tuple[str, torch.nn.Module]]

CONV = ("Conv1d", "Conv2d", "Conv3d")
TRANSPOSED = ("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")
FLATTENED = "Linear behind a flattened image"


def _pads_of(module: Any) -> tuple[int, ...] | None:
    """The module's explicit symmetric padding; None for 'same' and 'valid'."""
    return None if isinstance(module.padding, str) else tuple(module.padding)


def _written(module: Any) -> str:
    own = _pads_of(module)
    return f"write padding={[(p, p) for p in own] if own else module.padding.upper()!r}"


def _conv_with(module: Any, pads: Callable[[Any, Any], Pads]) -> torch.nn.Module:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        bare = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(self.kernel_size)]
        x = padded(x, pads(self, x.shape[-len(self.kernel_size) :]))
        return bare(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    return computing(module, forward)


def _same(module: Any, end: bool) -> torch.nn.Module:
    return _conv_with(module, lambda m, size: same_pads(size, m.kernel_size, m.stride, m.dilation, end))


@Cause("padding.mode", "another padding mode").tried(*CONV)
def _mode(module: Any) -> Modules:
    for mode in ("zeros", "reflect", "replicate", "circular"):
        if module.padding != "valid" and mode != module.padding_mode:
            text = f"the padding is {mode!r}: torch's padding_mode is {module.padding_mode!r}"
            yield text, changed(module, padding_mode=mode)


def _padding(sizes: Callable[[Any], range]) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        ndim = len(module.kernel_size)
        for p in sizes(module):
            if _pads_of(module) != (p,) * ndim:
                text = f"the padding is {p}: {_written(module)}"
                yield text, _conv_with(module, lambda m, _, p=p: [(p, p)] * ndim)

    return form


Cause("padding.missing", "no padding").tried(*CONV)(_padding(lambda module: range(1)))
Cause("padding.size", "another size of the padding").tried(*CONV)(
    _padding(lambda module: range(1, max(module.kernel_size) + 1))
)
SAME = Cause("padding.same", "SAME padding, which depends on the input's size")


@SAME.tried(*CONV)
def _same_conv(module: Any) -> Modules:
    own = _pads_of(module)
    text = f"SAME pads as the input's size needs it, torch {own} on both sides: {_written(module)}"
    yield text, _same(module, end=True)


@SAME.tried(*TRANSPOSED)
def _same_transposed(module: Any) -> Modules:
    """SAME of Flax's ConvTranspose crops k - s elements, the odd one at the other end than torch's padding."""
    ndim, original = len(module.kernel_size), type(module).forward
    axes = tuple(range(-ndim, 0))
    for shift in (1, -1):
        yield (
            "the output is cropped at other ends than torch's: use padding='VALID' and crop `padding`",
            computing(module, lambda self, x, s=shift: original(self, x).roll((s,) * ndim, axes)),
        )


@Cause("padding.side", "padding on one side only, or the odd element of it on the other side").tried(*CONV)
def _side(module: Any) -> Modules:
    own, written = _pads_of(module), _written(module)
    text = f"the odd element of the padding is on the other side: torch has it at the end; {written}"
    yield text, _same(module, end=False)
    if own is None:
        return
    for low, high in ((-1, 1), (1, -1)):
        if min(own) > 0:
            text = f"the padding is not the same on both sides: {written}"
            yield text, _conv_with(module, lambda m, _, a=low, b=high: [(p + a, p + b) for p in own])
        text = f"the padding is on one side only: {written}"
        yield text, _conv_with(module, lambda m, _, a=low: [(2 * p, 0) if a > 0 else (0, 2 * p) for p in own])


def _value_transposed(name: str, least: int) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        ndim, own = len(module.kernel_size), getattr(module, name)
        for value in range(least, 4):
            if own != (value,) * ndim:
                yield f"{name} is {value}: torch's is {own}", changed(module, **{name: (value,) * ndim})

    return form


for _name in ("padding", "output_padding"):
    _cause = Cause(f"{_name}.value", f"another {_name} of a transposed convolution")
    _cause.tried(*TRANSPOSED)(_value_transposed(_name, 0))


def _value(name: str, values: range) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        ndim, own, pads = len(module.kernel_size), getattr(module, name), _pads_of(module)
        for value in values:
            if own == (value,) * ndim or (pads is None and name == "stride"):
                continue
            fix = f"{name} is {value}: write {name}={own}"
            new = changed(module, **{name: (value,) * ndim})
            yield fix, new
            if pads is not None and name == "dilation":
                # People keep the output's size with it.
                reach = tuple(value * (k - 1) // 2 for k in module.kernel_size)
                yield fix, changed(new, padding=reach)

    return form


def _order(name: str) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        own = getattr(module, name)
        swapped = tuple(reversed(own))
        if swapped != own:
            yield f"{name} is {swapped}: torch's order is (height, width)", changed(module, **{name: swapped})

    return form


for _name in ("stride", "dilation"):
    Cause(f"{_name}.dropped", f"no {_name}").tried(*CONV)(_value(_name, range(1, 2)))
    _cause = Cause(f"{_name}.value", f"another {_name}")
    _cause.tried(*CONV)(_value(_name, range(2, 4)))
    _cause.tried(*TRANSPOSED)(_value_transposed(_name, 1))
    Cause(f"{_name}.order", f"a {_name} for (width, height)").tried(*CONV)(_order(_name))

Change = Callable[[torch.Tensor], torch.Tensor]
"""Of a weight in torch's layout."""


def _flips(ndim: int) -> Iterator[tuple[str, Change]]:
    space = tuple(range(2, ndim))
    if space:
        text = "it is flipped in space: torch correlates in Conv and flips in ConvTranspose only"
        yield text, lambda w: w.flip(space)
    for axis in space:
        yield f"it is flipped along dimension {axis}", lambda w, a=axis: w.flip(a)


def _io_swaps(ndim: int) -> Iterator[tuple[str, Change]]:
    text = "inputs and outputs are swapped: torch's order is (out, in, ...), in ConvTranspose (in, out, ...)"
    yield text, lambda w: w.transpose(0, 1)
    if ndim > 2:
        text = "inputs and outputs are swapped, and it is flipped"
        yield text, lambda w: w.transpose(0, 1).flip(tuple(range(2, ndim)))


def _hw_swaps(ndim: int) -> Iterator[tuple[str, Change]]:
    if ndim > 3:
        text = "its height and width are swapped: kernel = weight.transpose(2, 3, 1, 0)"
        yield text, lambda w: w.transpose(-1, -2)
    if ndim > 2:
        text = "its height and width, inputs and outputs are swapped"
        yield text, lambda w: w.transpose(0, 1).transpose(-1, -2)


def _kernel(changes: Callable[[int], Iterator[tuple[str, Change]]]) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        for text, change in changes(module.weight.ndim):
            new = with_weight(module, change)
            if new is not None:
                yield f"the kernel is not torch's: {text}", new

    return form


FLIPPED = Cause("kernel.flipped", "a kernel that is flipped in space")
FLIPPED.tried(*CONV, *TRANSPOSED)(_kernel(_flips))
# Before height and width: of a kernel of one element both are the same.
IO_SWAPPED = Cause("kernel.io_swapped", "a kernel whose inputs and outputs are swapped")
IO_SWAPPED.tried(*CONV, *TRANSPOSED)(_kernel(_io_swaps))
HW_SWAPPED = Cause("kernel.hw_swapped", "a kernel whose height and width are swapped")
HW_SWAPPED.tried(*CONV, *TRANSPOSED)(_kernel(_hw_swaps))
TRANSPOSED_WEIGHT = Cause("weight.transposed", "a weight whose inputs and outputs are swapped")


@TRANSPOSED_WEIGHT.tried("Linear")
def _transposed(module: Any) -> Modules:
    new = with_weight(module, lambda w: w.transpose(0, 1))
    if new is not None:
        yield "the weight is transposed: Flax's kernel is torch's weight.T", new


@Cause("groups.order", "channels of groups that are interleaved").tried(*CONV)
def _groups(module: Any) -> Modules:
    g = module.groups
    if g < 2:
        return

    def shuffled(x: torch.Tensor, ways: int) -> torch.Tensor:
        axis = x.ndim - len(module.kernel_size) - 1
        return x.unflatten(axis, (ways, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)

    original = type(module).forward
    for ways, text in (
        (g, "output channels of the groups are interleaved"),
        (module.out_channels // g, "output channels are counted the other way round"),
    ):
        yield (
            f"the {text}: torch's groups are contiguous",
            computing(module, lambda self, x, w=ways: shuffled(original(self, x), w)),
        )
    for ways in (g, module.in_channels // g):
        yield (
            "the input channels of the groups are interleaved: torch's groups are contiguous",
            computing(module, lambda self, x, w=ways: original(self, shuffled(x, w))),
        )


def _bias(text: str, factor: float) -> Callable[[Any], Modules]:
    def form(module: Any) -> Modules:
        if getattr(module, "bias", None) is None:
            return
        ndim, original = len(getattr(module, "kernel_size", ())), type(module).forward

        def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
            return original(self, x) + (factor - 1) * self.bias.reshape(-1, *(1,) * ndim)

        yield f"the bias is {text}", computing(module, forward)

    return form


for _id, _text, _factor in (
    ("bias.missing", "not added", 0.0),
    ("bias.doubled", "added twice", 2.0),
    ("bias.sign", "subtracted", -1.0),
):
    Cause(_id, f"a bias that is {_text}").tried(*CONV, *TRANSPOSED, "Linear")(_bias(_text, _factor))

FLATTEN = Cause("flatten.order", "an image that is flattened channels last")


@FLATTEN.tried(FLATTENED)
def _flatten_dense(module: Any, shape: tuple[int, ...]) -> Modules:
    c, original = shape[0], type(module).forward
    text = f"torch flattens (C, H, W) = {shape} with the channels first: transpose to NCHW before the reshape"
    for sizes in ((c, -1), (-1, c)):
        yield (
            text,
            computing(
                module,
                lambda self, x, s=sizes: original(self, x.unflatten(-1, s).transpose(-1, -2).flatten(-2)),
            ),
        )


@FLATTEN.tried("flatten", "reshape", "view")
def _flatten(called: Called) -> Iterator[tuple[str, Any]]:
    x = called.args[0]
    if isinstance(x, torch.Tensor) and x.ndim > 3:
        yield (
            "the image is flattened channels last: torch flattens (C, H, W); transpose to NCHW before the reshape",
            lambda f, x, *a, **k: f(x.movedim(1, -1), *a, **k).reshape(f(x, *a, **k).shape),
        )
