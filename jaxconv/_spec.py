"""The arguments of a convolution, normalised once into an immutable spec, which travels from there to the kernel."""

import functools
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import jax

from jaxconv._args import (
    check_least,
    check_one_of,
    check_spatial_input,
    integer,
    integers,
)
from jaxconv._types import PaddingMode, PadMode

Padding = tuple[tuple[int, int], ...]
"""Explicit (low, high), one pair a spatial dimension: what `padding` is in every spec, whatever the user wrote."""

PADDING_MODES = typing.get_args(PaddingMode)
PAD_MODES = typing.get_args(PadMode)

Spec = TypeVar("Spec")


def made_once(make: Callable[..., Spec]) -> Callable[..., Spec]:
    """Remembers the specs that `make` has made, so that a layer's call finds the one of its constructor.

    The layers' attributes are torch's names, and one that is assigned another value counts from then on: the values
    are the key, not the layer. Only of what cannot change: ints, strings and tuples of ints. 1, 1.0 and True are equal
    but not the same argument.
    """
    remembered = functools.lru_cache(maxsize=4096, typed=True)(make)

    @functools.wraps(make)
    def spec(*args: Any) -> Spec:
        plain = all(type(a) in _PLAIN or (type(a) is tuple and set(map(type, a)) == _INT) for a in args)
        return (remembered if plain else make)(*args)

    return spec


_PLAIN, _INT = {int, bool, str, type(None)}, {int}


@dataclass(frozen=True, slots=True)
class ConvSpec:
    """A convolution, complete: what a lowering needs besides the two arrays."""

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
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

    @property
    def padded(self) -> "ConvSpec":
        """The convolution of an input that has its padding already."""
        return replace(self, padding=((0, 0),) * self.ndim)

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.Conv2d's documentation)."""
        return tuple(
            (n + low + high - d * (k - 1) - 1) // s + 1
            for n, (low, high), d, k, s in zip(
                size, self.padding, self.dilation, self.kernel_size, self.stride, strict=True
            )
        )


def both_sides(padding: tuple[int, ...]) -> Padding:
    """So much padding at both ends of each dimension."""
    return tuple((p, p) for p in padding)


def low_ends(padding: Padding) -> tuple[int, ...]:
    """The padding at the beginning of each dimension: torch's `padding`, where both ends have the same."""
    return tuple(before for before, _ in padding)


def weight_shape(
    ndim: int, in_channels: Any, out_channels: Any, kernel_size: Any, groups: Any, transposed: bool = False
) -> tuple[int, ...]:
    """The shape of the weight that a layer makes given torch's arguments; errors as of `conv_spec`."""
    groups, inputs, outputs = _channels(groups, in_channels, out_channels)
    kernel = integers("kernel_size", kernel_size, ndim)
    check_least(1, "kernel_size", kernel)
    return (inputs, outputs // groups, *kernel) if transposed else (outputs, inputs // groups, *kernel)


def _channels(groups: Any, in_channels: Any, out_channels: Any) -> tuple[int, int, int]:
    groups = integer("groups", groups)
    check_least(1, "groups", groups)
    counts = []
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        count = integer(name, value)
        check_least(1, name, count)
        if count % groups:
            raise ValueError(f"`{name}` (={count}) must be divisible by `groups` (={groups})")
        counts.append(count)
    return groups, counts[0], counts[1]


@made_once
def conv_spec(
    ndim: int,
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    padding_mode: str = "zeros",
) -> ConvSpec:
    """The spec of a convolution given its weight's shape and torch's arguments.

    Raises:
        TypeError: an argument of the wrong type (a float, a bool or None where ints are expected).
        ValueError: a value that torch refuses too; the message names argument, value and what was expected.
    """
    _check_rank(f"conv{ndim}d", ndim, weight_shape, "out_channels, in_channels / groups")
    groups = integer("groups", groups)
    # The product is negative where `groups` is, but that is refused first.
    groups, in_channels, out_channels = _channels(groups, weight_shape[1] * groups, weight_shape[0])
    check_one_of("padding_mode", padding_mode, PADDING_MODES)
    if padding_mode != "zeros" and isinstance(padding, tuple | list) and len(padding) != ndim:
        # torch hands these to its pad, which takes no 1-tuple for all dimensions.
        raise ValueError(
            f"`padding` (={padding}) must be an int or a tuple of {ndim} ints with `padding_mode` (={padding_mode!r})"
        )
    kernel, stride, dilation = _window(ndim, weight_shape[2:], stride, dilation)
    padding = _conv_padding(padding, kernel, stride, dilation)
    return ConvSpec(in_channels, out_channels, kernel, stride, padding, dilation, groups)


def _window(ndim: int, kernel_size: Any, stride: Any, dilation: Any) -> tuple[tuple[int, ...], ...]:
    given = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
    window = {name: integers(name, value, ndim) for name, value in given.items()}
    for name, value in window.items():
        check_least(1, name, value)
    return tuple(window.values())


def _conv_padding(
    padding: Any, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Padding:
    if not isinstance(padding, str):
        padding = integers("padding", padding, len(kernel))
        check_least(0, "padding", padding)
        return both_sides(padding)
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


@dataclass(frozen=True, slots=True)
class ConvTransposeSpec:
    """A transposed convolution, complete: what a lowering needs besides the two arrays."""

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    output_padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def ndim(self) -> int:
        """The number of spatial dimensions."""
        return len(self.kernel_size)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """torch's weight layout: (in_channels, out_channels / groups, *kernel_size)."""
        return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)

    @property
    def convolution(self) -> ConvSpec:
        """The convolution with the same weight whose gradient with respect to its input this is.

        What output_padding adds by whole strides is beyond the input: cut off there, or it would give more outputs
        than this has inputs.
        """
        beyond = (extra // s * s for extra, s in zip(self.output_padding, self.stride, strict=True))
        padding = tuple((low, high - cut) for (low, high), cut in zip(self.padding, beyond, strict=True))
        return ConvSpec(
            self.out_channels,
            self.in_channels,
            self.kernel_size,
            self.stride,
            padding,
            self.dilation,
            self.groups,
        )

    def least_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size without output_padding: the smallest input of a convolution that gives `size`."""
        return tuple(
            (n - 1) * s - low - high + d * (k - 1) + 1
            for n, s, (low, high), d, k in zip(
                size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        )

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.ConvTranspose2d's documentation)."""
        return tuple(n + extra for n, extra in zip(self.least_size(size), self.output_padding, strict=True))


@made_once
def conv_transpose_spec(
    ndim: int,
    weight_shape: tuple[int, ...],
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> ConvTransposeSpec:
    """The spec of a transposed convolution given its weight's shape and torch's arguments.

    Raises:
        TypeError: an argument of the wrong type (a float, a bool, a str or None where ints are expected).
        ValueError: a value that torch refuses too; the message names argument, value and what was expected.
    """
    _check_rank(f"conv_transpose{ndim}d", ndim, weight_shape, "in_channels, out_channels / groups")
    # What a convolution's padding may be besides ints has no meaning here.
    padding = integers("padding", padding, ndim)
    groups = integer("groups", groups)
    groups, in_channels, out_channels = _channels(groups, weight_shape[0], weight_shape[1] * groups)
    kernel, stride, dilation = _window(ndim, weight_shape[2:], stride, dilation)
    check_least(0, "padding", padding)
    extra = integers("output_padding", output_padding, ndim)
    check_least(0, "output_padding", extra)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation, strict=True)):
        raise ValueError(
            f"`output_padding` (={extra}) must be smaller than either `stride` (={stride}) or `dilation` "
            f"(={dilation})"
        )
    return ConvTransposeSpec(
        in_channels, out_channels, kernel, stride, both_sides(padding), extra, dilation, groups
    )


def with_output_size(
    spec: ConvTransposeSpec, input_shape: tuple[int, ...], output_size: Any
) -> ConvTransposeSpec:
    """The spec with the output_padding that makes the output so large: one of `stride` sizes is possible.

    Args:
        spec: its own output_padding is not looked at, as in torch.
        input_shape: with or without a batch.
        output_size: the spatial size, or the output's whole shape.
    """
    ndim, size = spec.ndim, input_shape[-spec.ndim :]
    if not hasattr(output_size, "__len__"):
        raise TypeError(
            f"`output_size` must be a sequence of {ndim} or {len(input_shape)} ints, got {output_size!r}"
        )
    if len(output_size) not in (ndim, len(input_shape)):
        raise ValueError(
            f"`output_size` (={tuple(output_size)}): for `input` of shape {input_shape} it must have {ndim} or "
            f"{len(input_shape)} elements, got {len(output_size)}"
        )
    wanted = integers("output_size", tuple(output_size)[-ndim:], ndim)
    least = spec.least_size(size)
    most = tuple(n + s - 1 for n, s in zip(least, spec.stride, strict=True))
    if any(not low <= n <= high for n, low, high in zip(wanted, least, most, strict=True)):
        raise ValueError(
            f"requested an output size of {wanted}, but valid sizes range from {least} to {most} (for an input of "
            f"{size})"
        )
    return replace(spec, output_padding=tuple(n - low for n, low in zip(wanted, least, strict=True)))


def _check_rank(op: str, ndim: int, weight_shape: tuple[int, ...], channels: str) -> None:
    if len(weight_shape) != ndim + 2:
        raise ValueError(
            f"Expected {ndim + 2}-dimensional `weight` ({channels}, *kernel_size) for {op}, but got `weight` of shape "
            f"{weight_shape}"
        )


def check_shapes(op: str, spec: ConvSpec | ConvTransposeSpec, x: jax.Array, bias: jax.Array | None) -> None:
    """Refuses an input or a bias of a shape that does not fit the weight's spec."""
    check_spatial_input(op, spec.ndim, x.shape)
    transposed = "transposed=1, " if isinstance(spec, ConvTransposeSpec) else ""
    channels, size = x.shape[-spec.ndim - 1], x.shape[-spec.ndim :]
    if channels != spec.in_channels:
        last = " (channels come first here, as in torch)" * (x.shape[-1] == spec.in_channels)
        raise ValueError(
            f"Given {transposed or f'groups={spec.groups}, '}weight of size {spec.weight_shape}, expected `input` of "
            f"shape {x.shape} to have {spec.in_channels} channels, but got {channels} channels instead{last}"
        )
    if bias is not None and bias.shape != (spec.out_channels,):
        raise ValueError(
            f"Given {transposed}weight of size {spec.weight_shape}, expected `bias` to be 1-dimensional with "
            f"{spec.out_channels} elements, but got bias of shape {bias.shape}"
        )
    out = spec.output_size(size)
    if isinstance(spec, ConvTransposeSpec):
        if any(n < 1 for n in out):
            raise ValueError(
                f"Given input size per channel: {size}. Calculated output size per channel: {out}. Output size is too "
                f"small: `padding` (={low_ends(spec.padding)}) crops everything; decrease `padding`"
            )
        if _too_long(out):
            raise ValueError(
                f"the output would be {out} elements large per channel: XLA takes up to 2**31 - 1 in a dimension"
            )
        return
    padded = tuple(n + sum(p) for n, p in zip(size, spec.padding, strict=True))
    if _too_long(padded):
        raise ValueError(
            f"`padding` (={spec.padding}) makes `input` {padded} elements long: XLA takes up to 2**31 - 1"
        )
    if any(n < 1 for n in out):
        extent = tuple(d * (k - 1) + 1 for k, d in zip(spec.kernel_size, spec.dilation, strict=True))
        raise ValueError(
            f"Calculated padded input size per channel: {padded}. Kernel size: {spec.kernel_size}, dilated to "
            f"{extent}. Kernel size can't be greater than actual input size (`input` of shape {x.shape})"
        )


def _too_long(size: tuple[int, ...]) -> bool:
    return any(isinstance(n, int) and n > 2**31 - 1 for n in size)
