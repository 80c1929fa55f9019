"""What two networks are given: one input, several, or one in several sizes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from parity._torch.original import input_array


def sets(
    given: Sequence[Any],
    inputs: Sequence[Any] | None,
    sizes: Sequence[int | tuple[int, ...]] | None,
    seed: int,
) -> list[Sequence[Any]]:
    """What the networks are given each time that they are compared; arguments as of `parity.check`.

    Raises:
        ValueError: inputs in several places, none at all, a size that does not fit.
        TypeError: `inputs` is no list, `sizes` is no list of sizes.
    """
    if inputs is None:
        return [given, *_of_sizes(given, sizes, seed)]
    if given:
        raise ValueError("`inputs` cannot be combined with positional inputs: give all of them in `inputs`")
    if sizes is not None:
        raise ValueError(
            "`sizes` cannot be combined with `inputs`: give one input by position, or all in `inputs`"
        )
    if not isinstance(inputs, list | tuple):
        raise TypeError(
            f"`inputs` must be a list, each item an array or a tuple of arrays, got {type(inputs).__name__}"
        )
    if not inputs:
        raise ValueError("`inputs` (=[]): at least one is needed to run the networks")
    return [tuple(one) if isinstance(one, list | tuple) else (one,) for one in inputs]


def _of_sizes(
    given: Sequence[Any], sizes: Sequence[int | tuple[int, ...]] | None, seed: int
) -> list[Sequence[Any]]:
    if sizes is None:
        return []
    if not isinstance(sizes, list | tuple):
        raise TypeError(
            f"`sizes` must be a list, each item a size such as (225, 223) or a batch size, got {type(sizes).__name__}"
        )
    if not given:
        raise ValueError("`sizes` needs an input by position, from which it makes the others")
    arrays = [input_array(i, x) for i, x in enumerate(given)]
    shape = arrays[0].shape
    return [of_shape(arrays, _whole(shape, size, i), [seed, i]) for i, size in enumerate(sizes)]


def _whole(shape: tuple[int, ...], size: Any, index: int) -> tuple[int, ...]:
    """The shape of the first input for a size."""
    name = f"`sizes[{index}]` (={size!r})"
    given = (size,) if type(size) is int else size
    if not isinstance(given, list | tuple) or not all(type(n) is int for n in given):
        raise TypeError(f"{name} must be a tuple of ints, or an int for a batch size")
    if min(given, default=0) < 1:
        raise ValueError(f"{name} must have numbers that are at least 1")
    if not shape:
        raise ValueError(f"{name}: the first input is a scalar and has no size")
    if isinstance(size, int):
        return size, *shape[1:]
    spatial = max(len(shape) - 2, 1)
    if len(given) == len(shape):
        return tuple(given)
    if len(given) != spatial:
        raise ValueError(
            f"{name} must have {spatial} numbers for a spatial size, or {len(shape)} for a complete shape: the "
            f"first input has shape {shape}"
        )
    return *shape[: len(shape) - spatial], *given


def of_shape(
    arrays: Sequence[np.ndarray], shape: tuple[int, ...], seed: Sequence[int]
) -> tuple[np.ndarray, ...]:
    """Inputs like these, of which the first has another shape; each number is one of those that the input has."""
    rng = np.random.default_rng(seed)
    changed = {i: (old, new) for i, (old, new) in enumerate(zip(arrays[0].shape, shape, strict=True))}
    made = []
    for x in arrays:
        sized = tuple(
            changed[i][1] if i in changed and changed[i][0] == n else n for i, n in enumerate(x.shape)
        )
        made.append(x.ravel()[rng.integers(x.size, size=sized)] if x.size else np.empty(sized, x.dtype))
    return tuple(made)


def drawn_like(arrays: Sequence[np.ndarray], seed: int) -> tuple[np.ndarray, ...]:
    """Inputs of the same shapes and dtypes, drawn one after the other; integers of the same range, with 0."""
    rng = np.random.default_rng(seed)

    def drawn(x: np.ndarray) -> np.ndarray:
        if x.dtype.kind == "b":
            return rng.random(x.shape) < 0.5
        if x.dtype.kind in "iu":
            low, high = integers_between(x)
            return rng.integers(low, high, size=x.shape, dtype=x.dtype)
        return rng.standard_normal(x.shape).astype(x.dtype)

    return tuple(map(drawn, arrays))


def integers_between(x: np.ndarray) -> tuple[int, int]:
    """The range, without its end, of integers that are drawn like those of an array."""
    return min(0, int(x.min(initial=0))), max(0, int(x.max(initial=0))) + 1
