"""Other functions, reductions, masks, limits and shifts than torch's, from the same inputs."""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from parity._diagnose.registry import Cause

OTHER = Cause(
    "operation.other",
    "another function or operator, such as log for log10, or a sum for a difference",
)
REDUCTION = Cause("reduction.kind", "another reduction, such as a maximum for a mean")
EXPONENT = Cause("exponent.value", "another power")
LIMITS = Cause("limits.value", "other limits of a clamp")
SHIFT = Cause("shift.value", "an array that is rolled by another number of elements")
MASK = Cause("mask.other", "another mask, none, or the inverse of torch's")

Yields = Iterator[tuple[Any, ...]]
"""The parts of `hypotheses.Variant`s."""

_MOST_SHIFTS = 256

UNARY: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    name: getattr(torch, name)
    for name in (
        *("exp", "log", "log2", "log10", "log1p", "expm1", "sqrt", "rsqrt", "reciprocal", "square"),
        *("sin", "cos", "tan", "abs", "neg", "sign", "erf", "tanh", "sigmoid", "sinh", "cosh", "atan"),
    )
}
"""Functions of one number that people put in each other's place."""

BINARY: dict[str, Callable[..., torch.Tensor]] = {
    "add": torch.add,
    "sub": torch.sub,
    "rsub": lambda a, b: b - a,
    "mul": torch.mul,
    "div": torch.div,
    "maximum": lambda a, b: torch.maximum(a, torch.as_tensor(b, dtype=a.dtype)),
    "minimum": lambda a, b: torch.minimum(a, torch.as_tensor(b, dtype=a.dtype)),
}

_REDUCTIONS: dict[str, Callable[..., torch.Tensor]] = {
    "a sum": torch.sum,
    "a mean": torch.mean,
    "a maximum": torch.amax,
    "a minimum": torch.amin,
    "a sum of squares": lambda x, dim, keepdim: x.square().sum(dim, keepdim),
    "a sum of magnitudes": lambda x, dim, keepdim: x.abs().sum(dim, keepdim),
    "a root of a sum of squares": lambda x, dim, keepdim: x.square().sum(dim, keepdim).sqrt(),
}


def functions(given: Any) -> Yields:
    """Another function of one number."""
    for name, function in UNARY.items():
        if name != given.name:
            yield OTHER, f"it is {name}: torch's is {given.name}", lambda g, f=function: f(g.tensors[0])


def operators(given: Any) -> Yields:
    """Another operator between the same operands, in either order."""
    number = given.named["other"]
    # One leaves the other operand as it is: then the operation is left out.
    if given.named.get("alpha", 1) != 1 or (isinstance(number, int | float) and number in (0, 1)):
        return
    for name, function in BINARY.items():
        if name != given.name:
            text = (
                f"the operator is {_WORDS.get(name, name)}: torch's is {_WORDS.get(given.name, given.name)}"
            )
            yield OTHER, text, lambda g, f=function: f(g.named["self"], g.named["other"])


_WORDS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "rsub": "- (from the second)"}


def reductions(given: Any) -> Yields:
    """Another reduction over the same dimensions."""
    dims = given.named.get("dim")
    dims = list(range(given.tensors[0].ndim)) if dims is None or dims == [] else dims
    keep = bool(given.named.get("keepdim", False))
    for name, function in _REDUCTIONS.items():
        text = f"it is {name}: torch's is {given.name}"
        yield REDUCTION, text, lambda g, f=function: f(g.tensors[0], dims, keep)


def powers(given: Any) -> Yields:
    """Another exponent, or a function that is no power."""
    for exponent in (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0, 3.0, 4.0):
        if exponent != given.named.get("exponent"):
            text = f"the exponent is {exponent:g}: torch's is {given.named.get('exponent')}"
            yield EXPONENT, text, lambda g, e=exponent: g.tensors[0] ** e
    # Before it is called a root that comes after a square.
    yield OTHER, f"it is abs: torch's is {given.name}", lambda g: g.tensors[0].abs()


def shifts(given: Any) -> Yields:
    """A roll by another number of elements."""
    x, dims = given.tensors[0], given.dims
    if not dims or math.prod(x.shape[d] for d in dims) > _MOST_SHIFTS:
        return
    for by in itertools.product(*(range(x.shape[d]) for d in dims)):
        text = f"it is rolled by {list(by)}: in torch by {list(given.shifts)}"
        yield SHIFT, text, lambda g, b=by: torch.roll(g.tensors[0], b, list(g.dims))


def limits(given: Any, result: torch.Tensor) -> Yields:
    """A clamp with other limits: those of what it gives."""
    x = given.tensors[0]
    # One that no element has reached is not known.
    low = float(result.min()) if float(x.min()) < float(result.min()) else None
    high = float(result.max()) if float(x.max()) > float(result.max()) else None
    if low is None and high is None:
        return
    names = ("min_val", "max_val") if "min_val" in given.named else ("min", "max")
    theirs = " and ".join(str(given.named.get(name)) for name in names)
    mine = " and ".join("none that is reached" if limit is None else f"{limit:.6g}" for limit in (low, high))
    text = f"the limits are {mine}: torch's are {theirs}"
    yield LIMITS, text, lambda g: g.tensors[0].clamp(low, high)


def masks(given: Any, result: torch.Tensor) -> Yields:
    """The same two values under another mask."""
    if given.name == "masked_fill":
        mask, otherwise, inside = given.mask, given.named["self"], given.value
    else:
        mask, inside, otherwise = given.condition, given.named["self"], given.other
    shape = given.step.outputs[0].shape
    if result.shape != shape:
        return
    otherwise = torch.as_tensor(otherwise, dtype=result.dtype).expand(shape)
    inside = torch.as_tensor(inside, dtype=result.dtype).expand(shape)
    # Which of the two it is, is told by the nearer one.
    mine = (result == inside) | ((result - inside).abs() < (result - otherwise).abs())
    theirs = mask.expand(shape)
    if not mine.any():
        text = "nothing is masked"
    elif bool((mine == ~theirs).all()):
        text = "the mask is the inverse of torch's"
    else:
        text = f"{int(mine.sum())} of {mine.numel()} elements are masked: torch masks {int(theirs.sum())}"
    yield (
        MASK,
        text,
        lambda g: torch.where(mine, inside, g.named["self"] if given.name == "masked_fill" else otherwise),
    )


VARIANTS: tuple[tuple[tuple[str, ...], Callable[[Any], Yields]], ...] = (
    (tuple(UNARY), functions),
    (tuple(BINARY), operators),
    (("mean", "sum", "amax", "amin", "linalg_vector_norm", "norm", "max", "min"), reductions),
    (("pow", "rsqrt", "reciprocal", "sqrt", "square"), powers),
    (("roll",), shifts),
)
FITTED: tuple[tuple[tuple[str, ...], Callable[[Any, torch.Tensor], Yields]], ...] = (
    (("clamp", "hardtanh", "clamp_min", "clamp_max"), limits),
    (("masked_fill", "where"), masks),
)
"""What has a number that is told by the result."""
