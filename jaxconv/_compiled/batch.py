"""Whether a batch may be padded: every result has a sample for each of the inputs', and depends on no other one."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jaxconv._compiled.compiled import Program
from jaxconv._compiled.inputs import Inputs


def sizes_of(batch_sizes: Any) -> tuple[int, ...]:
    """`batch_sizes`, in order.

    Raises:
        TypeError: not a list or tuple of ints.
        ValueError: it is empty, or has a size below 1 or one twice.
    """
    if batch_sizes is None:
        return ()
    if not isinstance(batch_sizes, list | tuple) or any(
        isinstance(n, bool) or not isinstance(n, int | np.integer) for n in batch_sizes
    ):
        raise TypeError(f"`batch_sizes` (={batch_sizes!r}) must be a list or tuple of ints, or None")
    sizes = tuple(sorted(int(n) for n in batch_sizes))
    if not sizes or sizes[0] < 1 or len({*sizes}) < len(sizes):
        raise ValueError(
            f"`batch_sizes` (={batch_sizes!r}) must hold at least one size, each of at least 1 and none twice"
        )
    return sizes


def check(programs: Mapping[int | None, Program], inputs: Inputs) -> None:
    """Runs the smallest program of more than one sample, and refuses a network in which samples influence each other.

    Raises:
        ValueError: a result has no batch dimension, or the first sample's changes with the others.
    """
    for size, program in programs.items():
        for path, kind in jax.tree_util.tree_leaves_with_path(program.outputs):
            if kind.shape[:1] != (size,):
                raise ValueError(
                    f"`batch_sizes` (={inputs.sizes}): dimension 0 of every result must be the batch, but the "
                    f"result{jax.tree_util.keystr(path)} has the shape {kind.shape} for {size} samples"
                )
    size = next((size for size in inputs.sizes if size > 1), None)
    if size is None:
        return
    first, again, other = (_firsts(programs[size], inputs, size, seed) for seed in (1, 1, 2))
    # A program that does not repeat itself, as some of GPUs do not, tells nothing.
    if first == again and first != other:
        raise ValueError(
            f"`batch_sizes` (={inputs.sizes}): the result of a sample changes with the other samples in the batch, so "
            f"a padded batch would give other results. Compile one shape instead, without `batch_sizes`"
        )


def _firsts(program: Program, inputs: Inputs, size: int, seed: int) -> list[bytes]:
    """The first sample's results, where the other samples are drawn with `seed`."""
    same, others = np.random.default_rng(0), np.random.default_rng(seed)

    def drawn(kind: jax.ShapeDtypeStruct) -> np.ndarray:
        shape = (size, *kind.shape[1:])
        array = others.standard_normal(shape)
        array[0] = same.standard_normal(shape[1:])
        # Numbers of classes, words and the like: 0 and 1, which every such input allows.
        whole = not jax.numpy.issubdtype(kind.dtype, jax.numpy.inexact)
        return (array > 0 if whole else array).astype(kind.dtype)

    held = jax.tree.map(drawn, inputs.example)
    return [np.asarray(array)[0].tobytes() for array in jax.tree.leaves(program.run(*held))]
