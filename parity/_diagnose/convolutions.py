"""What people get wrong in convolutions, dense layers and pooling."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.nn import functional as F

from parity._diagnose.hypothesis import Hypotheses, Hypothesis, changed, computing, with_weight

Pads = list[tuple[int, int]]


def same_pads(size: Any, kernel: Any, stride: Any, dilation: Any, end: bool = True) -> Pads:
    """TensorFlow's and Flax's SAME: an output of size / stride, the odd element at the end (or the beginning)."""
    pads = []
    for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
        total = max((-(-n // s) - 1) * s + d * (k - 1) + 1 - n, 0)
        small, large = total // 2, total - total // 2
        pads.append((small, large) if end else (large, small))
    return pads


def padded(x: torch.Tensor, pads: Pads, value: float = 0.0) -> torch.Tensor:
    """x with (low, high) pairs around its last dimensions."""
    return F.pad(x, [p for pair in reversed(pads) for p in pair], value=value)


def _conv_with(module: Any, pads: Callable[[Any, Any], Pads]) -> torch.nn.Module:
    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        bare = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(self.kernel_size)]
        x = padded(x, pads(self, x.shape[-len(self.kernel_size) :]))
        return bare(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    return computing(module, forward)


def _pads_of(module: Any) -> tuple[int, ...] | None:
    """The module's explicit symmetric padding; None for 'same' and 'valid'."""
    return None if isinstance(module.padding, str) else tuple(module.padding)


def conv(module: Any) -> Hypotheses:
    """Of torch.nn.Conv1d, 2d, 3d."""
    ndim = len(module.kernel_size)
    own = _pads_of(module)
    written = f"padding={[(p, p) for p in own] if own else module.padding.upper()!r}"
    for mode in ("zeros", "reflect", "replicate", "circular"):
        if module.padding != "valid" and mode != module.padding_mode:
            new = changed(module, padding_mode=mode)
            yield Hypothesis(
                "padding.mode",
                f"the padding is {mode!r}: torch's padding_mode is {module.padding_mode!r}",
                new,
            )
    for p in range(max(module.kernel_size) + 1):
        if own != (p,) * ndim:
            cause = "padding.missing" if p == 0 else "padding.size"
            yield Hypothesis(
                cause,
                f"the padding is {p}: write {written}",
                _conv_with(module, lambda m, _, p=p: [(p, p)] * ndim),
            )

    def same(end: bool) -> Callable[[Any, Any], Pads]:
        return lambda m, size: same_pads(size, m.kernel_size, m.stride, m.dilation, end)

    yield Hypothesis(
        "padding.same",
        f"SAME pads as the input's size needs it, torch {own} on both sides: write {written}",
        _conv_with(module, same(True)),
    )
    yield Hypothesis(
        "padding.side",
        f"the odd element of the padding is on the other side: torch has it at the end; write {written}",
        _conv_with(module, same(False)),
    )
    if own is not None:
        for low, high in ((-1, 1), (1, -1)):
            if min(own) > 0:
                yield Hypothesis(
                    "padding.side",
                    f"the padding is not the same on both sides: write {written}",
                    _conv_with(module, lambda m, _, a=low, b=high: [(p + a, p + b) for p in own]),
                )
            yield Hypothesis(
                "padding.side",
                f"the padding is on one side only: write {written}",
                _conv_with(module, lambda m, _, a=low: [(2 * p, 0) if a > 0 else (0, 2 * p) for p in own]),
            )
    yield from _strides(module, own)
    yield from _kernels(module, "kernel")
    yield from _groups(module)
    yield from _bias(module)


def _strides(module: Any, own: tuple[int, ...] | None) -> Hypotheses:
    ndim = len(module.kernel_size)
    for name, cause in (("stride", "stride.dropped"), ("dilation", "dilation.dropped")):
        for value in range(1, 4):
            if getattr(module, name) == (value,) * ndim or (
                isinstance(module.padding, str) and name == "stride"
            ):
                continue
            fix = f"{name} is {value}: write {name}={getattr(module, name)}"
            cause = cause if value == 1 else f"{name}.value"
            new = changed(module, **{name: (value,) * ndim})
            yield Hypothesis(cause, fix, new)
            if own is not None and name == "dilation":
                # People keep the output's size with it.
                reach = tuple(value * (k - 1) // 2 for k in module.kernel_size)
                yield Hypothesis(cause, fix, changed(new, padding=reach))
        swapped = tuple(reversed(getattr(module, name)))
        if swapped != getattr(module, name):
            yield Hypothesis(
                f"{name}.order",
                f"{name} is {swapped}: torch's order is (height, width)",
                changed(module, **{name: swapped}),
            )


def _kernels(module: Any, what: str) -> Hypotheses:
    space = tuple(range(2, module.weight.ndim))
    changes: list[tuple[str, str, Callable[[torch.Tensor], torch.Tensor]]] = []
    if len(space) > 1:
        changes.append(
            (
                "hw_swapped",
                "its height and width are swapped: kernel = weight.transpose(2, 3, 1, 0)",
                lambda w: w.transpose(-1, -2),
            )
        )
    if space:
        changes.append(
            (
                "flipped",
                "it is flipped in space: torch correlates in Conv and flips in ConvTranspose only",
                lambda w: w.flip(space),
            )
        )
        for axis in space[:: max(len(space), 1)] + space[1:]:
            changes.append(("flipped", f"it is flipped along dimension {axis}", lambda w, a=axis: w.flip(a)))
    changes.append(
        (
            "io_swapped",
            "inputs and outputs are swapped: torch's order is (out, in, ...), in ConvTranspose (in, out, ...)",
            lambda w: w.transpose(0, 1),
        )
    )
    if space:
        changes.append(
            (
                "io_swapped",
                "inputs and outputs are swapped, and it is flipped",
                lambda w: w.transpose(0, 1).flip(space),
            )
        )
        changes.append(
            (
                "hw_swapped",
                "its height and width, inputs and outputs are swapped",
                lambda w: w.transpose(0, 1).transpose(-1, -2),
            )
        )
    for cause, text, change in changes:
        new = with_weight(module, change)
        if new is not None:
            yield Hypothesis(f"{what}.{cause}", f"the kernel is not torch's: {text}", new)


def _groups(module: Any) -> Hypotheses:
    g = module.groups
    if g < 2:
        return

    def shuffled(x: torch.Tensor, ways: int) -> torch.Tensor:
        axis = x.ndim - len(module.kernel_size) - 1
        return x.unflatten(axis, (ways, -1)).transpose(axis, axis + 1).flatten(axis, axis + 1)

    outputs, inputs = module.out_channels, module.in_channels
    original = type(module).forward
    for ways, text in (
        (g, "output channels of the groups are interleaved"),
        (outputs // g, "output channels are counted the other way round"),
    ):
        yield Hypothesis(
            "groups.order",
            f"the {text}: torch's groups are contiguous",
            computing(module, lambda self, x, w=ways: shuffled(original(self, x), w)),
        )
    for ways in (g, inputs // g):
        yield Hypothesis(
            "groups.order",
            "the input channels of the groups are interleaved: torch's groups are contiguous",
            computing(module, lambda self, x, w=ways: original(self, shuffled(x, w))),
        )


def _bias(module: Any) -> Hypotheses:
    if getattr(module, "bias", None) is None:
        return
    ndim = len(getattr(module, "kernel_size", ()))
    original = type(module).forward
    for factor, cause, text in (
        (0.0, "bias.missing", "not added"),
        (2.0, "bias.doubled", "added twice"),
        (-1.0, "bias.sign", "subtracted"),
    ):

        def forward(self: Any, x: torch.Tensor, factor: float = factor) -> torch.Tensor:
            return original(self, x) + (factor - 1) * self.bias.reshape(-1, *(1,) * ndim)

        yield Hypothesis(cause, f"the bias is {text}", computing(module, forward))


def conv_transpose(module: Any) -> Hypotheses:
    """Of torch.nn.ConvTranspose1d, 2d, 3d."""
    ndim = len(module.kernel_size)
    yield from _kernels(module, "kernel")
    names = ("padding", "output_padding", "stride", "dilation")
    for name, value in itertools.product(names, range(0, 4)):
        if value < (name in ("stride", "dilation")) or getattr(module, name) == (value,) * ndim:
            continue
        yield Hypothesis(
            f"{name}.value",
            f"{name} is {value}: torch's is {getattr(module, name)}",
            changed(module, **{name: (value,) * ndim}),
        )
    for shift in (1, -1):
        # SAME of Flax's ConvTranspose crops k - s elements, the odd one at the other end than torch's padding.
        yield Hypothesis(
            "padding.same",
            "the output is cropped at other ends than torch's: use padding='VALID' and crop `padding`",
            computing(
                module,
                lambda self, x, s=shift: (
                    type(module).forward(self, x).roll((s,) * ndim, tuple(range(-ndim, 0)))
                ),
            ),
        )
    yield from _bias(module)


def linear(module: Any) -> Hypotheses:
    """Of torch.nn.Linear."""
    for h in _kernels(module, "weight"):
        yield Hypothesis(
            "weight.transposed", "the weight is transposed: Flax's kernel is torch's weight.T", h.module
        )
    yield from _bias(module)


def flatten_orders(module: Any, shape: tuple[int, ...]) -> Hypotheses:
    """Of a dense layer behind a flattened (C, H, W) image."""
    c = shape[0]

    def channels_last(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = x.unflatten(-1, (c, -1)).transpose(-1, -2).flatten(-2)
        return type(module).forward(self, x)

    def channels_first(self: Any, x: torch.Tensor) -> torch.Tensor:
        x = x.unflatten(-1, (-1, c)).transpose(-1, -2).flatten(-2)
        return type(module).forward(self, x)

    text = f"torch flattens (C, H, W) = {shape} with the channels first: transpose to NCHW before the reshape"
    yield Hypothesis("flatten.order", text, computing(module, channels_last))
    yield Hypothesis("flatten.order", text, computing(module, channels_first))


def pool(module: Any) -> Iterator[Hypothesis]:
    """Of torch.nn.MaxPool and AvgPool, 1d, 2d, 3d."""
    name = type(module).__name__
    ndim, is_max = int(name[-2]), name.startswith("Max")

    def tuples(value: Any) -> tuple[int, ...]:
        return value if isinstance(value, tuple) else (value,) * ndim

    kernel, stride, padding = tuples(module.kernel_size), tuples(module.stride), tuples(module.padding)
    ceil = changed(module, ceil_mode=not module.ceil_mode)
    yield Hypothesis(
        "pool.ceil_mode", f"ceil_mode is {not module.ceil_mode}: torch's is {module.ceil_mode}", ceil
    )
    if hasattr(module, "count_include_pad"):
        other = not module.count_include_pad
        yield Hypothesis(
            "pool.count_include_pad",
            f"count_include_pad is {other}: torch's is {not other}",
            changed(module, count_include_pad=other),
        )
    for p in range(0, min(kernel) // 2 + 1):
        if padding != (p,) * ndim:
            yield Hypothesis(
                "pool.padding",
                f"the padding is {p}: torch's is {padding}",
                changed(module, padding=(p,) * ndim),
            )
    for s in (1, 2, 3, kernel[0]):
        if stride != (s,) * ndim:
            yield Hypothesis(
                "pool.stride", f"the stride is {s}: torch's is {stride}", changed(module, stride=(s,) * ndim)
            )
    for end in (True, False):

        def same(self: Any, x: torch.Tensor, end: bool = end, count: bool = True) -> torch.Tensor:
            pads = same_pads(x.shape[-ndim:], kernel, stride, (1,) * ndim, end)
            if is_max:
                bare: Any = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[ndim]
                return bare(padded(x, pads, -torch.inf), kernel, stride)
            average: Any = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}[ndim]
            y = average(padded(x, pads), kernel, stride)
            return y if count else y / average(padded(torch.ones_like(x), pads), kernel, stride)

        text = f"SAME pads as the input's size needs it: torch's padding is {padding}"
        yield Hypothesis("pool.same", text, computing(module, same))
        if not is_max:
            yield Hypothesis(
                "pool.same", text, computing(module, lambda self, x, f=same: f(self, x, count=False))
            )

    if is_max:

        def zeros(self: Any, x: torch.Tensor) -> torch.Tensor:
            bare: Any = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}[ndim]
            return bare(
                padded(x, [(p, p) for p in padding]), kernel, stride, 0, module.dilation, module.ceil_mode
            )

        yield Hypothesis(
            "pool.padding_value",
            "the padding is with zeros: torch pads with minus infinity",
            computing(module, zeros),
        )
    averages: dict[int, Any] = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
    maxima: dict[int, Any] = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
    other_kind = (averages if is_max else maxima)[ndim]
    yield Hypothesis(
        "pool.kind",
        f"it is {'average' if is_max else 'max'} pooling",
        computing(module, lambda self, x: other_kind(x, kernel, stride, padding, ceil_mode=module.ceil_mode)),
    )
