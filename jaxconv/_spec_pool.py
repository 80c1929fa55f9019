"""The arguments of poolings, of fold and unfold, normalised once into an immutable spec."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaxconv._args import check_bool, check_least, check_spatial_input, integers, one_or_all
from jaxconv._spec import Padding, both_sides, low_ends, made_once


@dataclass(frozen=True, slots=True)
class PoolSpec:
    """A window of pooling, unpooling, fold and unfold, complete but for the input's size."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Padding
    dilation: tuple[int, ...]
    ceil_mode: bool = False

    @property
    def ndim(self) -> int:
        """The number of spatial dimensions."""
        return len(self.kernel_size)

    def output_size(self, size: Sequence[int]) -> tuple[int, ...]:
        """The output's spatial size (formula: torch.nn.MaxPool2d's documentation).

        With `ceil_mode` a last window that would start beyond the input and its left padding is dropped.
        """
        outs = []
        for n, k, s, (low, high), d in zip(
            size, self.kernel_size, self.stride, self.padding, self.dilation, strict=True
        ):
            span = n + low + high - d * (k - 1) - 1
            out = (-(-span // s) if self.ceil_mode else span // s) + 1
            if self.ceil_mode and (out - 1) * s >= n + low:
                out -= 1
            outs.append(out)
        return tuple(outs)


@made_once
def pool_spec(
    ndim: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any
) -> PoolSpec:
    """The spec of a max pooling given torch's arguments; `stride=None` or `()` means `kernel_size`.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: a value that torch refuses too.
    """
    check_bool("ceil_mode", ceil_mode)
    kernel = integers("kernel_size", kernel_size, ndim)
    no_stride = stride is None or (hasattr(stride, "__len__") and len(stride) == 0)
    stride = kernel if no_stride else integers("stride", stride, ndim)
    padding = integers("padding", padding, ndim)
    dilation = integers("dilation", dilation, ndim)
    check_least(1, "kernel_size", kernel)
    check_least(1, "stride", stride)
    check_least(1, "dilation", dilation)
    check_least(0, "padding", padding)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise ValueError(f"`padding` (={padding}) must be at most half of `kernel_size` (={kernel})")
    return PoolSpec(kernel, stride, both_sides(padding), dilation, ceil_mode)


@made_once
def unpool_spec(ndim: int, kernel_size: Any, stride: Any, padding: Any) -> PoolSpec:
    """The spec of a max unpooling; a `stride` of None means `kernel_size`.

    Raises:
        TypeError, ValueError: no ints, or another number of them; not positive (padding: negative).
    """
    spec = pool_spec(ndim, kernel_size, stride, 0, 1, False)
    padding = integers("padding", padding, ndim)  # torch asks for no limit here
    check_least(0, "padding", padding)
    return replace(spec, padding=both_sides(padding))


@made_once
def fold_spec(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> PoolSpec:
    """The spec of the windows of fold and unfold.

    Raises:
        TypeError, ValueError: what is no int or pair of ints, or not positive (padding: negative).
    """
    given = {"kernel_size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    window = {name: one_or_all(name, value, 2) for name, value in given.items()}
    for name, value in window.items():
        if min(value) < (name != "padding"):
            what = "non-negative" if name == "padding" else "greater than zero"
            raise ValueError(f"`{name}` (={value}) should be {what}")
    return PoolSpec(
        window["kernel_size"], window["stride"], both_sides(window["padding"]), window["dilation"]
    )


def fold_size(output_size: Any) -> tuple[int, ...]:
    """`output_size` of fold.

    Raises:
        TypeError, ValueError: what is no int or pair of ints, or not positive.
    """
    size = one_or_all("output_size", output_size, 2)
    if min(size) < 1:
        raise ValueError(f"`output_size` (={size}) should be greater than zero")
    return size


def check_pool_input(op: str, spec: PoolSpec, shape: tuple[int, ...]) -> None:
    """Refuses an input into which no window fits."""
    check_spatial_input(op, spec.ndim, shape)
    size = shape[-spec.ndim :]
    out = spec.output_size(size)
    if any(o < 1 for o in out):
        raise ValueError(
            f"Given input size: {size}. Calculated output size: {out}. Output size is too small for {op} with "
            f"kernel_size={spec.kernel_size}, stride={spec.stride}, padding={low_ends(spec.padding)}, "
            f"dilation={spec.dilation}"
        )


def unpool_size(op: str, spec: PoolSpec, size: Sequence[int], output_size: Any) -> tuple[int, ...]:
    """The spatial size that max_unpool gives.

    Raises:
        ValueError: an `output_size` of the wrong length, or from which pooling would not give the input's size.
    """
    ndim = len(size)
    default = tuple(
        (n - 1) * s + k - low - high
        for n, k, s, (low, high) in zip(size, spec.kernel_size, spec.stride, spec.padding, strict=True)
    )
    if output_size is None:
        out = default
    else:
        if not isinstance(output_size, Sequence) or len(output_size) not in (ndim, ndim + 2):
            raise ValueError(
                f"{op}: `output_size` (={output_size}) should be a sequence containing {ndim} or {ndim + 2} elements"
            )
        out = integers("output_size", output_size[-ndim:], ndim)
        if any(not d - s < n < d + s for n, d, s in zip(out, default, spec.stride, strict=True)):
            raise ValueError(
                f"{op}: invalid `output_size` (={out}): each must be between the default {default} minus and plus "
                f"`stride` (={spec.stride})"
            )
    if any(n < 1 for n in out):
        raise ValueError(f"{op}: the output's size {out} must be positive")
    return out


def blocks(op: str, size: Sequence[int], spec: PoolSpec) -> tuple[int, ...]:
    """How many windows there are in each dimension (formula: torch.nn.Unfold's documentation).

    Raises:
        ValueError: where there are none.
    """
    counts = spec.output_size(size)
    if any(count < 1 for count in counts):
        raise ValueError(
            f"{op}: given spatial size {tuple(size)}, kernel_size={spec.kernel_size}, "
            f"dilation={spec.dilation}, padding={low_ends(spec.padding)}, stride={spec.stride}, calculated shape of "
            f"the array of sliding blocks as {counts}, but its components must be at least one"
        )
    return counts


def adaptive_size(op: str, output_size: Any, size: Sequence[int]) -> tuple[int, ...]:
    """`output_size` of an adaptive pooling: an int or a tuple; None keeps the input's size in a dimension.

    Raises:
        TypeError: something else.
        ValueError: a tuple of another length, or a negative size.
    """
    ndim = len(size)
    if output_size is None:
        return tuple(size)
    # 0 holds the place of None, which `integers` has no use for.
    given = (
        [0 if o is None else o for o in output_size] if isinstance(output_size, list | tuple) else output_size
    )
    out = integers("output_size", given, ndim)
    if isinstance(output_size, list | tuple):
        if len(output_size) != ndim:
            raise ValueError(f"{op}: `output_size` (={output_size}) must be an int or a tuple of {ndim} ints")
        out = tuple(n if o is None else k for o, k, n in zip(output_size, out, size, strict=True))
    if any(isinstance(o, int) and o < 0 for o in out):
        raise ValueError(f"{op}: elements of `output_size` (={out}) must be greater than or equal to 0")
    return out
