"""What an operation may be taken for: variants of one of torch's, from the same inputs."""

import ast
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from parity._diagnose import activations
from parity._diagnose.registry import CAUSES, Cause
from parity._diagnose.trace import arguments, arithmetic, rewrite
from parity._diagnose.trace.match import same
from parity._diagnose.trace.values import Step, Value

FACTOR = Cause("factor.value", "another factor")
OFFSET = Cause("offset.value", "another constant that is added, such as an epsilon")
SWAPPED = Cause("operands.swapped", "operands that changed places")
REDUCED = Cause("reduction.axis", "a mean, sum or the like over another axis")
CORRECTION = Cause("variance.correction", "a variance that is divided by n for n - 1, or the other way round")
MISSING = Cause("operation.missing", "an operation that is left out")
ADDITIONAL = Cause("operation.additional", "an operation that torch does not have")

Way = Callable[["Given"], torch.Tensor]
"""What is computed in the place of an operation; its inputs may be others than those it was made for."""


class Variant(NamedTuple):
    """A mistake: the cause, the fix in words, what is computed then, and how the Flax line is mended."""

    cause: Cause
    fix: str
    way: Way
    edit: rewrite.Edit | None = None


Yields = Iterator[tuple[Any, ...]]
"""The parts of `Variant`s."""

_MOST_PARTS = 5


class Given:
    """An operation of torch's with its arguments by name, tensors in the place of values; of others, if given."""

    def __init__(self, step: Step, values: Mapping[Value, torch.Tensor] | None = None):
        self.step, self.name = step, step.name
        new = values or {}
        schema = step.compute._schema.arguments  # type: ignore[union-attr]
        args, kwargs = tree_map(
            lambda x: new.get(x, _numbers(x)) if isinstance(x, Value) else x, step.arguments
        )
        self.named = {a.name: a.default_value for a in schema if a.has_default_value()}
        self.named |= dict(zip((a.name for a in schema), args, strict=False)) | kwargs
        self.tensors = [new.get(x, _numbers(x)) for x in step.inputs]

    def __getattr__(self, name: str) -> Any:
        return self.named[name]

    def changed(self, **named: Any) -> torch.Tensor:
        """The first result with other arguments."""
        new = {**self.named, **named}
        if self.step.compute._schema.is_mutable:  # type: ignore[union-attr]
            new = {k: v.clone() if isinstance(v, torch.Tensor) else v for k, v in new.items()}
        result = self.step.compute(**new)
        return result[0] if isinstance(result, tuple | list) else result


def _numbers(value: Value) -> Any:
    return None if value.data is None else value.data.detach()


def describe(step: Step) -> str:
    """An operation of torch's in words: its name and what is no array."""
    given = Given(step)
    defaults = {a.name: a.default_value for a in step.compute._schema.arguments if a.has_default_value()}  # type: ignore[union-attr]
    shown = [
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in given.named.items()
        if isinstance(value, bool | int | float | str | list | tuple)
        and not _has_tensors(value)
        and value != defaults.get(name)
    ]
    return f"{step.name.strip('_')}({', '.join(shown)})"


def _has_tensors(value: Any) -> bool:
    return isinstance(value, list | tuple) and any(isinstance(x, torch.Tensor) for x in value)


def explain(step: Step, result: torch.Tensor) -> Variant | None:
    """The mistake that turns an operation of torch's into what gives this result."""
    given = Given(step)
    # An operation that is left out, or whose number is another, is simpler than another operation.
    tried = itertools.chain(
        _variants(given, _TABLE),
        _fitted(given, result),
        _variants(given, arithmetic.VARIANTS),
        _additional(given),
    )
    for variant in itertools.starmap(Variant, tried):
        try:
            found = variant.way(given)
        except (RuntimeError, ValueError, IndexError, TypeError):  # it cannot be made with these shapes
            continue
        # A reduction over another axis keeps other axes: of the network with it the outputs are compared.
        if found.numel() == result.numel() and same(found.numpy().ravel(), result.numpy().ravel()):
            return variant
    return None


def _variants(given: Given, table: Sequence[tuple[tuple[str, ...], Any]]) -> Yields:
    for names, make in table:
        if given.name in names:
            yield from make(given)


def _left_out(given: Given) -> Yields:
    cause, what = next((c for names, *c in _LEFT_OUT if given.name in names), (MISSING, "the operation"))
    two = len(given.tensors) == 2 and cause is not MISSING
    for i, which in enumerate(("first", "second")[: 1 + two]):
        text = f"{what} is left out: torch computes {describe(given.step)}"
        text += f", here only its {which} operand is there" if two else ""
        yield (
            CAUSES[cause] if isinstance(cause, str) else cause,
            text,
            lambda g, i=i: g.tensors[i].expand(g.step.outputs[0].shape),
        )


_LEFT_OUT: tuple[tuple[Any, Any, str], ...] = (
    (activations.FUNCTIONS, "activation.missing", "the activation"),
    (("mul", "div"), "scale.missing", "a factor"),
    (("add", "sub"), "residual.missing", "a term of the sum"),
)


def _activation(given: Given) -> Yields:
    theirs = "relu6" if given.name == "hardtanh" and given.max_val == 6 else given.name
    theirs = "selu" if given.name == "elu" and given.scale != 1 else theirs
    for name, function in activations.OTHERS.items():
        cause = CAUSES[activations.cause_of(theirs, name)]
        yield (
            cause,
            f"it is {name}: torch's is {describe(given.step)}",
            lambda g, f=function: f(g.tensors[0]),
        )
    for dim in range(given.tensors[0].ndim):
        text = f"it is softmax: torch's is {describe(given.step)}"
        yield CAUSES["activation.other"], text, lambda g, d=dim: g.tensors[0].softmax(d)


def _halves(given: Given) -> Yields:
    text = "the halves changed places: torch's glu multiplies the first by the sigmoid of the second"
    yield SWAPPED, text, lambda g: F.glu(torch.cat(g.tensors[0].chunk(2, g.dim)[::-1], g.dim), g.dim)


def _softmax(given: Given) -> Yields:
    kinds = {"_softmax": F.softmax, "_log_softmax": F.log_softmax}
    kind = kinds.pop(f"_{given.name.strip('_')}")
    for dim in range(given.tensors[0].ndim):
        text = f"it is over dimension {dim - given.tensors[0].ndim}: torch's is over {given.dim}"
        edit = rewrite.keyword(("softmax", "log_softmax"), "axis", given.dim)
        yield CAUSES["softmax.axis"], text, lambda g, d=dim: kind(g.tensors[0], d), edit
    for name, other in kinds.items():
        yield (
            CAUSES["softmax.kind"],
            f"it is {name.strip('_')}",
            lambda g, o=other: o(g.tensors[0], g.dim),
        )


def _reduction(given: Given) -> Yields:
    ndim = given.tensors[0].ndim
    count = len(given.named.get("dim") or range(ndim))
    choices = [dims for n in range(1, ndim + 1) for dims in itertools.combinations(range(ndim), n)]
    for dims in sorted(choices, key=lambda dims: abs(len(dims) - count)):
        text = f"it is over the dimensions {list(dims)}: torch's over {given.named.get('dim')}"
        edit = _over(given.named.get("dim"))
        yield REDUCED, text, lambda g, d=dims: g.changed(dim=list(d)), edit
        if len(dims) == 1:
            keep = not given.named.get("keepdim", False)
            yield REDUCED, text, lambda g, d=dims, k=keep: g.changed(dim=list(d), keepdim=k), edit
    if "correction" in given.named:
        now = 1 if given.correction is None else given.correction
        other = 0 if now else 1
        mine, theirs = ("n", "n - 1") if now else ("n - 1", "n")
        text = f"the sum of squares is divided by {mine}, in torch by {theirs}"
        edit = rewrite.keyword(("std", "var", "nanstd", "nanvar"), "ddof", now)
        yield CORRECTION, text, lambda g: g.changed(correction=other), edit


def _over(dims: Any) -> rewrite.Edit | None:
    """The axes of the only reduction."""
    if not dims:
        return None
    axis = dims[0] if len(dims) == 1 else tuple(dims)
    return rewrite.keyword(("mean", "sum", "max", "min", "std", "var", "norm", "prod"), "axis", axis)


def in_order(order: Sequence[int]) -> str:
    """How the Flax network takes torch's parts, the first of which is 0."""
    if list(order) == sorted(order, reverse=True):
        return "the parts are in the reverse order"
    return f"the parts are in another order: torch's part {', then '.join(str(i + 1) for i in order)}"


def _concatenation(given: Given) -> Yields:
    parts = range(len(given.tensors))
    for order in itertools.permutations(parts) if len(parts) <= _MOST_PARTS else ():
        yield (
            CAUSES["concat.order"],
            in_order(order),
            lambda g, o=order: g.changed(tensors=[g.tensors[i] for i in o]),
        )


def _two_operands(given: Given) -> Yields:
    text = f"the operands of {given.name} changed places"
    edit = rewrite.exchanged(ast.Sub if given.name == "sub" else ast.Div)
    yield SWAPPED, text, lambda g: g.step.compute(*g.tensors[1::-1]), edit


def _product(given: Given) -> Yields:
    text = "the factors of the matrix product changed places"
    yield SWAPPED, text, lambda g: (g.tensors[-2] @ g.tensors[-1]).transpose(-1, -2)
    yield SWAPPED, text, lambda g: g.tensors[-1] @ g.tensors[-2]


def _padding(given: Given) -> Yields:
    pads = given.named["pad" if "pad" in given.named else "padding"]
    width = [(0, 0)] * given.tensors[0].ndim
    for i in range(len(pads) // 2):
        width[-1 - i] = (pads[2 * i], pads[2 * i + 1])
    for mode in ("constant", "reflect", "symmetric", "edge", "wrap"):
        text = f"it is jnp.pad(mode={mode!r}): torch's is {describe(given.step)}"
        edit = rewrite.constant(mode, _MODES.get(given.name.partition("_")[0], "constant"))
        yield CAUSES["padding.mode"], text, lambda g, m=mode: _padded(g.tensors[0], width, m), edit


_MODES = {"reflection": "reflect", "replication": "edge"}
"""NumPy's names of torch's modes."""


def _padded(x: torch.Tensor, width: list[tuple[int, int]], mode: Any) -> torch.Tensor:
    return torch.from_numpy(np.pad(x.numpy(), width, mode=mode))


_NAMES = Callable[[Given], Yields]
_TABLE: tuple[tuple[tuple[str, ...], _NAMES], ...] = (
    ((*activations.FUNCTIONS, "prelu", "_prelu_kernel"), _activation),
    (("_softmax", "softmax", "_log_softmax", "log_softmax"), _softmax),
    (
        ("mean", "sum", "amax", "amin", "var", "std", "prod", "logsumexp", "norm", "linalg_vector_norm"),
        _reduction,
    ),
    (("cat",), _concatenation),
    (("glu",), _halves),
    (("sub", "div"), _two_operands),
    (("mm", "bmm", "addmm"), _product),
    (
        ("max_pool2d_with_indices", "max_pool3d_with_indices", "avg_pool1d", "avg_pool2d", "avg_pool3d"),
        arguments.window,
    ),
    (
        (
            *(f"{mode}_pad{n}d" for mode in ("reflection", "replication") for n in (1, 2, 3)),
            "constant_pad_nd",
        ),
        _padding,
    ),
    (("native_layer_norm", "native_group_norm", "native_batch_norm"), arguments.normalisation),
)


def _fitted(given: Given, result: torch.Tensor) -> Yields:
    """What is left: the operation left out, a factor, or a constant that is added."""
    yield from _left_out(given)
    for names, make in arithmetic.FITTED:
        if given.name in names:
            yield from make(given, result)
    wanted = given.step.outputs[0].data.detach()
    if wanted.shape != result.shape or not torch.isfinite(wanted).all() or wanted.unique().numel() < 3:
        return  # one number fits any two
    factor = ratio(result, wanted)
    own = given.named.get("other") if given.name in ("mul", "div") else None
    if isinstance(own, int | float):
        mine = own * factor if given.name == "mul" else own / factor
        does = "multiplies" if given.name == "mul" else "divides"
        text = f"the factor is {number(mine)}: torch {does} by {number(own)}"
    else:
        text = f"it is {number(factor)} times torch's"
    edit = rewrite.constant(mine, own) if isinstance(own, int | float) else None
    yield FACTOR, text, lambda g: factor * g.changed(), edit
    offset = float((result - wanted).mean())
    own = given.named.get("other") if given.name in ("add", "sub") else None
    if isinstance(own, int | float):
        mine = own + offset if given.name == "add" else own - offset
        text = f"the constant is {number(mine)}: torch {'adds' if given.name == 'add' else 'subtracts'} {number(own)}"
    else:
        text = f"{number(offset)} is added: torch's is {describe(given.step)}"
    edit = rewrite.constant(mine, own) if isinstance(own, int | float) else None
    yield OFFSET, text, lambda g: g.changed() + offset, edit
    if given.name == "mul" and len(given.tensors) == 2:
        for i, which in enumerate(("second", "first")):
            more = ratio(result - wanted, given.tensors[i].expand(wanted.shape))
            text = f"{number(more)} is added to the {which} factor: torch multiplies by the factor itself"
            yield OFFSET, text, lambda g, i=i, c=more: g.changed() + c * g.tensors[i]


def _additional(given: Given) -> Yields:
    """A function of one number that comes after torch's operation."""
    for name, function in (activations.OTHERS | arithmetic.UNARY).items():
        if name != "the identity":
            text = f"{name} comes after {given.name}: torch has none there"
            yield ADDITIONAL, text, lambda g, f=function: f(g.changed())


def ratio(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a * b).sum() / (b * b).sum())


def number(value: float) -> str:
    """A number as people write it: a root, or a few digits."""
    n = round(value**-2) if 1 / 64.1 < value < 1 else 0
    if n > 1 and math.isclose(value * value * n, 1, rel_tol=2.0**-20):
        return f"{value:.6g}" if math.isclose(value, round(value, 4), rel_tol=2.0**-30) else f"1/sqrt({n})"
    return f"{value:.6g}"
