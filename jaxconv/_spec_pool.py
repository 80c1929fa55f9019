"""Arguments of the poolings other than max pooling, of fold and unfold: normalised and validated; no jax."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxconv._spec import integer, integers, pool_spec


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


def unpool_spec(
    ndim: int, kernel_size: Any, stride: Any, padding: Any
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """`kernel_size`, `stride` and `padding` of a max unpooling as tuples; a `stride` of None means `kernel_size`.

    Raises:
        TypeError, ValueError: no ints, or another number of them; not positive (padding: negative).
    """
    spec = pool_spec(ndim, kernel_size, stride, 0, 1, False)
    both = integers("padding", padding, ndim)  # torch asks for no limit here
    if min(both) < 0:
        raise ValueError(f"`padding` (={both}) must be non-negative: negative padding is not supported")
    return spec.kernel_size, spec.stride, both


def unpool_size(
    op: str,
    size: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    output_size: Any,
) -> tuple[int, ...]:
    """The spatial size that max_unpool gives.

    Raises:
        ValueError: an `output_size` of the wrong length, or from which pooling would not give the input's size.
    """
    ndim = len(size)
    default = tuple((n - 1) * s + k - 2 * p for n, k, s, p in zip(size, kernel, stride, padding, strict=True))
    if output_size is None:
        out = default
    else:
        if not isinstance(output_size, Sequence) or len(output_size) not in (ndim, ndim + 2):
            raise ValueError(
                f"{op}: `output_size` (={output_size}) should be a sequence containing {ndim} or {ndim + 2} elements"
            )
        out = integers("output_size", output_size[-ndim:], ndim)
        if any(not d - s < n < d + s for n, d, s in zip(out, default, stride, strict=True)):
            raise ValueError(
                f"{op}: invalid `output_size` (={out}): each must be between the default {default} minus and plus "
                f"`stride` (={tuple(stride)})"
            )
    if any(n < 1 for n in out):
        raise ValueError(f"{op}: the output's size {out} must be positive")
    return out


def fold_spec(**given: Any) -> dict[str, tuple[int, ...]]:
    """`kernel_size`, `dilation`, `padding`, `stride` (and `output_size`) of fold and unfold as pairs.

    Raises:
        TypeError, ValueError: what is no int or pair of ints, or not positive (padding: negative).
    """
    spec = {}
    for name, value in given.items():
        spec[name] = integers(name, value, 2)
        if hasattr(value, "__len__") and len(value) == 1:
            raise ValueError(f"`{name}` (={value}) must be an int or a tuple of 2 ints, got 1")
    for name, value in spec.items():
        if min(value) < (name != "padding"):
            what = "non-negative" if name == "padding" else "greater than zero"
            raise ValueError(f"`{name}` (={value}) should be {what}")
    return spec


def blocks(op: str, size: Sequence[int], spec: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """How many windows there are in each dimension (formula: torch.nn.Unfold's documentation).

    Raises:
        ValueError: where there are none.
    """
    counts = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, p, d, k, s in zip(
            size, spec["padding"], spec["dilation"], spec["kernel_size"], spec["stride"], strict=True
        )
    )
    if any(count < 1 for count in counts):
        raise ValueError(
            f"{op}: given spatial size {tuple(size)}, kernel_size={spec['kernel_size']}, "
            f"dilation={spec['dilation']}, padding={spec['padding']}, stride={spec['stride']}, calculated shape of "
            f"the array of sliding blocks as {counts}, but its components must be at least one"
        )
    return counts


def shuffle_factor(op: str, name: str, value: Any, shape: Sequence[int], channels: int, divisor: int) -> int:
    """The factor of pixel_shuffle and its kin, if it divides what it has to.

    Raises:
        TypeError, ValueError: no positive int; too few dimensions; channels that it does not divide.
    """
    factor = integer(name, value)
    if factor < 1:
        raise ValueError(f"{op}: `{name}` (={factor}) must be positive")
    if len(shape) < 3:
        raise ValueError(
            f"{op} expects input to have at least 3 dimensions, but got `input` of shape {tuple(shape)}"
        )
    if channels % (factor**divisor):
        raise ValueError(
            f"{op} expects {channels} channels of `input` of shape {tuple(shape)} to be divisible by {factor**divisor}"
        )
    return factor


def window_taps(size: int, out: int) -> tuple[np.ndarray, np.ndarray]:
    """The windows of an adaptive pooling: floor(i size / out) to ceil((i + 1) size / out).

    Returns:
        The positions in each, (out, longest), after a window's end its last one again; and the lengths.
    """
    at = np.arange(out)
    start, end = at * size // max(out, 1), -(-(at + 1) * size // max(out, 1))
    steps = np.arange((end - start).max(initial=1))
    return np.minimum(start[:, None] + steps, end[:, None] - 1), end - start
