"""ATen's operations as JAX functions, by name ('conv2d') or by name and overload ('max.dim')."""

from collections.abc import Callable
from functools import partial
from typing import Any

from jaxconv._from_torch.ops import (
    backward,
    elementwise,
    fft,
    fractional,
    indexing,
    layers,
    linalg,
    losses,
    random,
    reductions,
    sampling,
    shape,
    special,
)
from jaxconv._from_torch.ops._dtypes import dtype as dtype
from jaxconv._from_torch.ops.layers import normalised as normalised

_TABLE: dict[str, Callable[..., Any]] = (
    elementwise.TABLE
    | special.TABLE
    | reductions.TABLE
    | linalg.TABLE
    | fft.TABLE
    | shape.TABLE
    | indexing.TABLE
    | layers.TABLE
    | backward.TABLE
    | fractional.TABLE
    | losses.TABLE
    | sampling.TABLE
)

# Overloads that are another operation than the rest of their name; those of recurrent layers take packed sequences.
_OTHER = (
    *("view.dtype", "where.default", "repeat_interleave.Tensor"),
    *("lstm.data", "gru.data", "rnn_tanh.data", "rnn_relu.data"),
)


def find(op: str) -> Any:
    """The function of an operation that draws no random numbers."""
    return _find(_TABLE, op)


def find_random(op: str) -> Any:
    """The function of an operation that draws: its first argument is a function that gives a key."""
    return _find(_RANDOM, op)


def _find(table: dict[str, Callable[..., Any]], op: str) -> Callable[..., Any] | None:
    if op in table:
        return table[op]
    op = op.removeprefix("prims.")  # what torch's decompositions end in, mostly under ATen's names
    name, _, overload = op.partition(".")
    other = op in _OTHER or overload.endswith("out") or overload.startswith(("Dimname", "names"))
    return None if other else table.get(name)


_RANDOM = layers.RANDOM | random.RANDOM
_TABLE["put_view"] = partial(indexing.put_view, find=find)
