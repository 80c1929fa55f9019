"""Arguments, normalised and validated once into immutable specs. All errors about arguments live here; no jax."""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Pairs = tuple[tuple[int, int], ...]

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
PAD_MODES = ("constant", "reflect", "replicate", "circular")


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """A convolution, complete: what a lowering needs besides the two arrays.

    `padding` holds explicit (low, high) pairs, one a spatial dimension, whatever the user wrote.
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pairs
    dilation: tuple[int, ...]
    groups: int

    @property
    def ndim(self) -> int:
        """The number of spatial dimensions."""
        return len(self.kernel_size)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """torch's weight layout: (out_channels, in_channels / groups, *kernel_size)."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.Conv2d's documentation)."""
        return tuple(
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, (low, high), d, k, s in zip(
                size, self.padding, self.dilation, self.kernel_size, self.stride, strict=True
            )
        )


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A pooling window, complete but for the input's size."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool

    @property
    def ndim(self) -> int:
        """The number of spatial dimensions."""
        return len(self.kernel_size)

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.MaxPool2d's documentation).

        With `ceil_mode` a last window that would start beyond the input and its left padding is dropped.
        """
        outs = []
        for n, k, s, p, d in zip(
            size, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
        ):
            span = n + 2 * p - d * (k - 1) - 1
            out = (-(-span // s) if self.ceil_mode else span // s) + 1
            if self.ceil_mode and (out - 1) * s >= n + p:
                out -= 1
            outs.append(out)
        return tuple(outs)


def integer(name: str, value: Any) -> int:
    """One integer. bool, float and None are refused, as torch refuses them."""
    # operator.index takes what torch takes: int, NumPy integers, 0-d integer tensors. It takes bool too.
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        try:
            return operator.index(value)
        except TypeError:
            pass
    raise TypeError(f"`{name}` must be an int, got {value!r} of type {type(value).__name__}")


def integers(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    """An int, or a sequence of 1 or `ndim` ints, as a tuple of `ndim` ints."""
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        if value is None or isinstance(value, str):
            raise TypeError(f"`{name}` (={value!r}) must be an int or a tuple of {ndim} ints")
        return (integer(name, value),) * ndim
    if isinstance(value, set | frozenset | Mapping):  # in no order
        raise TypeError(f"`{name}` (={value!r}) must be an int or a tuple of {ndim} ints")
    items = tuple(integer(f"{name}[{i}]", v) for i, v in enumerate(value))
    if len(items) == 1:
        return items * ndim
    if len(items) != ndim:
        raise ValueError(f"`{name}` (={items}) must be an int or a tuple of {ndim} ints, got {len(items)}")
    return items


def check_flag_type(name: str, value: Any) -> None:
    """A functional's flag, where torch takes nothing but a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be a bool, got {value!r} of type {type(value).__name__}")


def _at_least(least: int, name: str, value: tuple[int, ...] | int) -> None:
    if min(value) < least if isinstance(value, tuple) else value < least:
        what, wrong = ("positive", "non-positive") if least == 1 else ("non-negative", "negative")
        raise ValueError(f"`{name}` (={value}) must be {what}: {wrong} {name} is not supported")


def conv_spec(
    ndim: int,
    in_channels: Any,
    out_channels: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: str = "zeros",
) -> ConvSpec:
    """The spec of a convolution given torch's arguments.

    Raises:
        TypeError: an argument of the wrong type (a float, a bool or None where ints are expected).
        ValueError: a value that torch refuses too; the message names argument, value and what was expected.
    """
    groups = integer("groups", groups)
    _at_least(1, "groups", groups)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        channels = integer(name, channels)
        _at_least(1, name, channels)
        if channels % groups:
            raise ValueError(f"`{name}` (={channels}) must be divisible by `groups` (={groups})")
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"`padding_mode` (={padding_mode!r}) must be one of {PADDING_MODES}")
    if padding_mode != "zeros" and isinstance(padding, tuple | list) and len(padding) != ndim:
        # torch hands these to its pad, which takes no 1-tuple for all dimensions.
        raise ValueError(
            f"`padding` (={padding}) must be an int or a tuple of {ndim} ints with `padding_mode` (={padding_mode!r})"
        )
    kernel = integers("kernel_size", kernel_size, ndim)
    stride = integers("stride", stride, ndim)
    dilation = integers("dilation", dilation, ndim)
    _at_least(1, "kernel_size", kernel)
    _at_least(1, "stride", stride)
    _at_least(1, "dilation", dilation)
    return ConvSpec(
        in_channels=integer("in_channels", in_channels),
        out_channels=integer("out_channels", out_channels),
        kernel_size=kernel,
        stride=stride,
        padding=_conv_padding(padding, kernel, stride, dilation),
        dilation=dilation,
        groups=groups,
    )


def _conv_padding(
    padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Pairs:
    if not isinstance(padding, str):
        both = integers("padding", padding, len(kernel))
        _at_least(0, "padding", both)
        return tuple((p, p) for p in both)
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise ValueError(
            f"Invalid padding string: `padding` (={padding!r}) must be 'same', 'valid', an int or a tuple of ints"
        )
    if any(s != 1 for s in stride):
        raise ValueError(f"padding='same' is not supported for strided convolutions: `stride` (={stride})")
    # torch puts the odd element of an even kernel's padding at the end, as 'SAME' does at stride 1.
    totals = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in totals)


def pool_spec(
    ndim: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> PoolSpec:
    """The spec of a max pooling given torch's arguments; `stride=None` or `()` means `kernel_size`.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a value that torch refuses too.
    """
    check_flag_type("ceil_mode", ceil_mode)
    kernel = integers("kernel_size", kernel_size, ndim)
    no_stride = stride is None or (hasattr(stride, "__len__") and len(stride) == 0)
    spec = PoolSpec(
        kernel_size=kernel,
        stride=kernel if no_stride else integers("stride", stride, ndim),
        padding=integers("padding", padding, ndim),
        dilation=integers("dilation", dilation, ndim),
        ceil_mode=ceil_mode,
    )
    _at_least(1, "kernel_size", spec.kernel_size)
    _at_least(1, "stride", spec.stride)
    _at_least(1, "dilation", spec.dilation)
    _at_least(0, "padding", spec.padding)
    if any(p > k // 2 for p, k in zip(spec.padding, kernel, strict=True)):
        raise ValueError(f"`padding` (={spec.padding}) must be at most half of `kernel_size` (={kernel})")
    return spec


def check_spatial_input(op: str, ndim: int, shape: tuple[int, ...]) -> None:
    """The input of an `ndim`-d layer is (N, C, *size) or (C, *size), with nothing of size zero but N."""
    if len(shape) not in (ndim + 1, ndim + 2):
        raise ValueError(
            f"Expected {ndim + 1}D (unbatched) or {ndim + 2}D (batched) input to {op}, "
            f"but got `input` of shape {shape}"
        )
    if 0 in shape[-ndim - 1 :]:
        raise ValueError(
            f"{op}: only the batch may be of size zero, but got `input` of shape {shape}: "
            f"channels and size must be positive"
        )


def check_conv_arrays(
    op: str, spec: ConvSpec, input_shape: tuple[int, ...], bias_shape: tuple[int, ...] | None
) -> None:
    """Whether input and bias fit the weight's spec."""
    check_spatial_input(op, spec.ndim, input_shape)
    channels, size = input_shape[-spec.ndim - 1], input_shape[-spec.ndim :]
    if channels != spec.in_channels:
        raise ValueError(
            f"Given groups={spec.groups}, weight of size {spec.weight_shape}, expected `input` of shape "
            f"{input_shape} to have {spec.in_channels} channels, but got {channels} channels instead"
        )
    if bias_shape is not None and bias_shape != (spec.out_channels,):
        raise ValueError(
            f"Given weight of size {spec.weight_shape}, expected `bias` to be 1-dimensional with "
            f"{spec.out_channels} elements, but got bias of shape {bias_shape}"
        )
    padded = tuple(n + sum(p) for n, p in zip(size, spec.padding, strict=True))
    if any(isinstance(n, int) and n > 2**31 - 1 for n in padded):
        raise ValueError(
            f"`padding` (={spec.padding}) makes `input` {padded} elements long: XLA takes up to 2**31 - 1"
        )
    if any(out < 1 for out in spec.output_size(size)):
        extent = tuple(d * (k - 1) + 1 for k, d in zip(spec.kernel_size, spec.dilation, strict=True))
        raise ValueError(
            f"Calculated padded input size per channel: {padded}. Kernel size: {spec.kernel_size}, dilated to "
            f"{extent}. Kernel size can't be greater than actual input size (`input` of shape {input_shape})"
        )


def check_pool_input(op: str, spec: PoolSpec, input_shape: tuple[int, ...]) -> None:
    """Whether at least one window fits into the input."""
    check_spatial_input(op, spec.ndim, input_shape)
    size = input_shape[-spec.ndim :]
    out = spec.output_size(size)
    if any(o < 1 for o in out):
        raise ValueError(
            f"Given input size: {size}. Calculated output size: {out}. Output size is too small for {op} with "
            f"kernel_size={spec.kernel_size}, stride={spec.stride}, padding={spec.padding}, "
            f"dilation={spec.dilation}"
        )
