"""The arguments of transposed convolutions, normalised and validated once; no jax."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jaxconv._spec import ConvSpec, _at_least, check_spatial_input, conv_spec, integers


@dataclass(frozen=True, slots=True)
class ConvTransposeSpec:
    """A transposed convolution, complete: what a lowering needs besides the two arrays."""

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
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
        """The convolution with the same weight whose gradient by its input this is.

        What output_padding adds by whole strides is beyond the input: cut off there, or it would give more outputs
        than this has inputs.
        """
        beyond = (extra // s * s for extra, s in zip(self.output_padding, self.stride, strict=True))
        padding = tuple((p, p - cut) for p, cut in zip(self.padding, beyond, strict=True))
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
            (n - 1) * s - 2 * p + d * (k - 1) + 1
            for n, s, p, d, k in zip(
                size, self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        )

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.ConvTranspose2d's documentation)."""
        return tuple(n + extra for n, extra in zip(self.least_size(size), self.output_padding, strict=True))


def conv_transpose_spec(
    ndim: int,
    in_channels: Any,
    out_channels: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: Any,
    dilation: Any,
) -> ConvTransposeSpec:
    """The spec of a transposed convolution given torch's arguments.

    Raises:
        TypeError: an argument of the wrong type (a float, a bool, a str or None where ints are expected).
        ValueError: a value that torch refuses too; the message names argument, value and what was expected.
    """
    # What a convolution's padding may be besides ints has no meaning here.
    padding = integers("padding", padding, ndim)
    conv = conv_spec(ndim, in_channels, out_channels, kernel_size, stride, padding, dilation, groups)
    extra = integers("output_padding", output_padding, ndim)
    _at_least(0, "output_padding", extra)
    if any(e >= max(s, d) for e, s, d in zip(extra, conv.stride, conv.dilation, strict=True)):
        raise ValueError(
            f"`output_padding` (={extra}) must be smaller than either `stride` (={conv.stride}) or `dilation` "
            f"(={conv.dilation})"
        )
    return ConvTransposeSpec(
        in_channels=conv.in_channels,
        out_channels=conv.out_channels,
        kernel_size=conv.kernel_size,
        stride=conv.stride,
        padding=padding,
        output_padding=extra,
        dilation=conv.dilation,
        groups=conv.groups,
    )


def check_conv_transpose_arrays(
    op: str, spec: ConvTransposeSpec, input_shape: tuple[int, ...], bias_shape: tuple[int, ...] | None
) -> None:
    """Whether input and bias fit the weight's spec."""
    check_spatial_input(op, spec.ndim, input_shape)
    channels, size = input_shape[-spec.ndim - 1], input_shape[-spec.ndim :]
    if channels != spec.in_channels:
        raise ValueError(
            f"Given transposed=1, weight of size {spec.weight_shape}, expected `input` of shape {input_shape} to have "
            f"{spec.in_channels} channels, but got {channels} channels instead"
        )
    if bias_shape is not None and bias_shape != (spec.out_channels,):
        raise ValueError(
            f"Given transposed=1, weight of size {spec.weight_shape}, expected `bias` to be 1-dimensional with "
            f"{spec.out_channels} elements, but got bias of shape {bias_shape}"
        )
    out = spec.output_size(size)
    if any(n < 1 for n in out):
        raise ValueError(
            f"Given input size per channel: {size}. Calculated output size per channel: {out}. Output size is too "
            f"small: `padding` (={spec.padding}) cuts everything off"
        )
    if any(isinstance(n, int) and n > 2**31 - 1 for n in out):
        raise ValueError(
            f"the output would be {out} elements large per channel: XLA takes up to 2**31 - 1 in a dimension"
        )


def output_padding_for(
    spec: ConvTransposeSpec, input_shape: tuple[int, ...], output_size: Any
) -> tuple[int, ...]:
    """The output_padding that makes the output `output_size` large: one of `stride` sizes is possible.

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
    return tuple(n - low for n, low in zip(wanted, least, strict=True))
