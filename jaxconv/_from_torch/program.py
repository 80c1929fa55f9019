"""What a torch network does, without torch: frozen, hashable, and safe to pickle."""

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from jaxconv._from_torch.dimensions import of_dimensions
from jaxconv._from_torch.structure import Structure


@dataclass(frozen=True)
class Ref:
    """The value of that number: a program's inputs come first, then its results in order."""

    number: int


@dataclass(frozen=True)
class Variable:
    """A parameter, buffer or constant, by its path below the module that the program belongs to."""

    path: tuple[str, ...]


@dataclass(frozen=True)
class Size:
    """A number that follows from the batch size: an expression of sizes, as nested tuples ('mul', 2, 's0')."""

    expression: Any


@dataclass(frozen=True)
class Mode:
    """True while the module is in training mode: while Flax's `attribute` is False."""

    attribute: str


@dataclass(frozen=True)
class Dtype:
    """A torch dtype."""

    name: str


@dataclass(frozen=True)
class Instruction:
    """One step: an operation, or the call of a child module.

    Attributes:
        op: ATen's name and overload, 'conv2d.default'; or 'call'.
        args, kwargs: Ref, Variable, Size, Mode, Dtype, numbers, strings, None, and tuples of these. Those of a call
            are the child's path, which of its programs, and the inputs; those of a custom Function its backward, a
            Program with the Sizes that it needs or a text why there is none, its inputs, its outputs, and what else the
            backward takes; those of torch.cond the truth value, for each branch a Program with its Sizes and what else
            it takes, and the operands.
        place: where in the network's source this is, for messages.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...] = ()
    place: str = field(default="", compare=False)


@dataclass(frozen=True, eq=False)
class Program:
    """The steps of one call of a module.

    Attributes:
        inputs: how many.
        sizes: each symbol that occurs, with the input and the dimension that have this size.
        steps: in order.
        outputs: a tuple of Refs and Variables; a program with one output returns it bare.
    """

    inputs: int
    sizes: tuple[tuple[str, int, int], ...]
    steps: tuple[Instruction, ...]
    outputs: tuple[Any, ...]
    key: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # As text: 1, 1.0 and True are equal and have one hash, but are not the same argument.
        object.__setattr__(
            self, "key", repr((self.inputs, self.sizes, [_text(s) for s in self.steps], self.outputs))
        )

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Program) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return (
            f"<{', '.join(step.op if step.op != 'call' else '.'.join(step.args[0]) for step in self.steps)}>"
        )


def _text(step: Instruction) -> tuple[Any, ...]:
    def keys(arg: Any) -> Any:
        if isinstance(arg, tuple):
            return tuple(map(keys, arg))
        return arg.key if isinstance(arg, Program) else arg

    return step.op, keys(step.args), step.kwargs


@dataclass(frozen=True)
class Array:
    """What an input array must be.

    Attributes:
        shape: numbers, and symbols for sizes that may differ from the example's.
        dtype: the example's, by name.
    """

    shape: tuple[Any, ...]
    dtype: str


@dataclass(frozen=True)
class Condition:
    """A comparison of two sizes that holds wherever the traced program is torch's.

    Attributes:
        relation: '==', '!=', '<', '<=', '>' or '>='.
        left, right: size expressions.
        place: the line of the network's source that compares them, if torch knows it.
    """

    relation: str
    left: Any
    right: Any
    place: str = ""


@dataclass(frozen=True)
class Signature:
    """How the network is called, and what it returns.

    Attributes:
        args: the structure of the positional arguments, a tuple.
        kwargs: the structure of the keyword arguments, a dict.
        names: the names of forward's positional parameters.
        leaves: for each leaf of both an Array, or the example's value, which is the only one allowed.
        ranges: of symbols, both ends included; an end may be None.
        result: what is built from the program's outputs.
        updates: the paths of buffers that take the last of the program's outputs.
        conditions: what torch took for true of the sizes.
        defaults: the parameters that have a number, a string or None by default, with it.
        labels: symbols of sizes other than the batch, with the names that the caller gave them.
        same_at: the batch sizes at which torch is known to do the same, whatever the ranges and conditions.
    """

    args: Structure
    kwargs: Structure
    names: tuple[str, ...]
    leaves: tuple[Any, ...]
    ranges: tuple[tuple[str, int | None, int | None], ...]
    result: Structure
    updates: tuple[tuple[str, ...], ...]
    conditions: tuple[Condition, ...] = ()
    same_at: tuple[int, ...] = ()
    defaults: tuple[tuple[str, Any], ...] = ()
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def arrays(self) -> list[str]:
        """The dtypes of those of the leaves that are arrays."""
        return [leaf.dtype for leaf in self.leaves if isinstance(leaf, Array)]

    def size_names(self) -> dict[str, str]:
        """What to call each symbol in an error: where it is first found, such as 'inputs[0].shape[0]'."""
        places = [*self.args.places("inputs"), *self.kwargs.places("kwargs")]
        names: dict[str, str] = {}
        for place, leaf in zip(places, self.leaves, strict=True):
            for d, size in enumerate(leaf.shape if isinstance(leaf, Array) else ()):
                if isinstance(size, str):
                    names.setdefault(size, f"{place}.shape[{d}]")
        return names | dict(self.labels)

    def batch_symbols(self) -> set[str]:
        """The symbols of first sizes."""
        first = (leaf.shape[0] for leaf in self.leaves if isinstance(leaf, Array) and leaf.shape)
        return {size for size in first if isinstance(size, str)}


def evaluate(expression: Any, sizes: Mapping[str, int]) -> Any:
    """The number that a size expression stands for; of symbolic dimensions of jax.export a dimension."""
    if isinstance(expression, int | float):
        return expression
    if isinstance(expression, str):
        return sizes[expression]
    op, *rest = expression
    values = [evaluate(e, sizes) for e in rest]
    if not all(isinstance(value, int | float) for value in values):
        return of_dimensions(op, values)
    return reduce(_ARITHMETIC[op], values) if op in _ARITHMETIC else _ROUNDING[op](values[0])


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "mul": operator.mul,
    "floordiv": operator.floordiv,
    "truediv": lambda a, b: a / b if b else math.inf,
    "mod": operator.mod,
    "pow": operator.pow,
    "max": max,
    "min": min,
    "or": max,
    "and": min,
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "gt": lambda a, b: int(a > b),
    "ge": lambda a, b: int(a >= b),
}

_ROUNDING: dict[str, Callable[[Any], Any]] = {
    "number": lambda a: a,
    "trunc": math.trunc,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": round,
}


def symbols(expression: Any) -> set[str]:
    """The symbols in a size expression."""
    if isinstance(expression, str):
        return {expression}
    return set().union(*map(symbols, expression[1:])) if isinstance(expression, tuple) else set()
