"""What torch has taken for true of a network's sizes while it traced it."""

import math
import operator
import traceback
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any

import jax

from jaxconv._from_torch import sizes
from jaxconv._from_torch.places import calling_frame
from jaxconv._from_torch.program import Condition, Signature, evaluate, symbols


def of(program: Any) -> tuple[Condition, ...]:
    """The conditions that torch.export has put on a program's sizes, but for plain ranges of one size.

    Raises:
        ValueError: a size is computed in a way that is not understood.
    """
    import sympy

    relations = {
        sympy.Eq: "==",
        sympy.Ne: "!=",
        sympy.StrictLessThan: "<",
        sympy.LessThan: "<=",
        sympy.StrictGreaterThan: ">",
        sympy.GreaterThan: ">=",
    }
    metas = (node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder")
    modes = [mode for meta in metas if (mode := getattr(meta, "fake_mode", None)) is not None]
    environment: Any = modes[-1].shape_env if modes else None
    kept = {str(symbol) for symbol in program.range_constraints}
    found: dict[Condition, None] = {}
    guards = environment.guards if environment is not None else ()
    for guard, whole in ((g, environment.simplify(g.expr)) for g in guards):
        both = whole.args if isinstance(whole, sympy.And) else (whole,)
        for expression in both:
            if expression == sympy.true or not {str(s) for s in expression.free_symbols} <= kept:
                continue  # a symbol that torch has replaced by a number or by another symbol
            relation, sides = relations.get(type(expression)), expression.args
            if relation is None:  # of several comparisons
                relation, sides = "==", (expression, sympy.Integer(1))
            left, right = map(sizes.of_sympy, sides)
            found.setdefault(Condition(relation, left, right, place(guard.sloc)))
    return tuple(found)


@contextmanager
def placed() -> Iterator[None]:
    """While torch traces, its conditions remember the network's lines, not those of torch's own code."""
    from torch._guards import SLoc
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    environments: Any = ShapeEnv
    original = environments._get_sloc

    def of_network(environment: Any, *args: Any, **kwargs: Any) -> Any:
        location = original(environment, *args, **kwargs)
        return SLoc(
            calling_frame() or "", location.maybe_user_loc
        )  # torch writes it down, but None it cannot

    environments._get_sloc = of_network
    try:
        yield
    finally:
        environments._get_sloc = original


def fixing(meta: Any) -> str:
    """Where the network's code fixes sizes of a tensor's trace that were open: ' (net.py line 12: ...)', or nothing."""
    environment = meta.fake_mode.shape_env
    fixed = {symbol for symbol, value in environment.replacements.items() if value.is_Integer}
    found = [place(guard.sloc) for guard in environment.guards if guard.expr.free_symbols & fixed]
    return f" ({'; '.join(dict.fromkeys(filter(None, found)))})" if any(found) else ""


def place(location: Any) -> str:
    """'net.py line 12: if x.shape[0] > 1:', as far as torch knows."""
    if isinstance(location.maybe_user_loc, str):  # torch.export(strict=True) knows it in these words only
        return location.maybe_user_loc.strip("()").rpartition("/")[2]
    frame = location.framework_loc
    if not isinstance(frame, traceback.FrameSummary):
        return ""
    source = f": {frame.line}" if frame.line else ""
    return f"{frame.filename.rpartition('/')[2]} line {frame.lineno}{source}"


def holds(condition: Condition, numbers: Mapping[str, Any]) -> bool:
    """Whether a condition holds for these numbers, which may be symbolic dimensions of jax.export.

    Raises:
        ValueError: it holds for some of the sizes that a symbolic dimension stands for, and for others not.
    """
    left, right = evaluate(condition.left, numbers), evaluate(condition.right, numbers)
    relation = condition.relation
    try:
        # Only comparisons for order tell that they cannot be decided for a symbolic dimension.
        if relation in ("==", "!="):
            return bool(left >= right and left <= right) == (relation == "==")
        return bool(_ORDER[relation](left, right))
    except jax.errors.InconclusiveDimensionOperation:
        raise ValueError(
            f"the network does something else for some of the sizes {numbers}: export it with a constraint, such as "
            f"jax.export.symbolic_shape('b', constraints=['b >= 2'])"
        ) from None


_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def text(condition: Condition, signature: Signature) -> str:
    """A condition in words: 'inputs[0].shape[0] != 4 (net.py line 6: if x.shape[0] == 4:)'."""
    names = signature.size_names()
    words = _divisible(condition, names)
    words = words or f"{_text(condition.left, names)} {condition.relation} {_text(condition.right, names)}"
    return f"{words} ({condition.place})" if condition.place else words


def _divisible(condition: Condition, names: Mapping[str, str]) -> str:
    """An equation of one size that holds at every n-th size: 'h % 4 == 0 or 3'; otherwise empty."""
    used = symbols(condition.left) | symbols(condition.right)
    steps = _divisors(condition.left) | _divisors(condition.right)
    if condition.relation != "==" or len(used) != 1 or not steps:
        return ""
    (symbol,), n = used, math.lcm(*steps)
    if n > 1024:
        return ""
    kept = [size for size in range(2 * n, 4 * n) if holds(condition, {symbol: size})]
    rests = sorted({size % n for size in kept})
    if len(kept) != 2 * len(rests) or not 0 < len(rests) <= 4:
        return ""
    return f"{names.get(symbol, symbol)} % {n} == {' or '.join(map(str, rests))}"


def _divisors(expression: Any) -> set[int]:
    """The numbers that a size expression divides by."""
    if not isinstance(expression, tuple):
        return set()
    op, *rest = expression
    own = {rest[1]} if op in ("floordiv", "mod") and isinstance(rest[1], int) else set()
    return own.union(*map(_divisors, rest))


_SIGNS = {"eq": " == ", "ne": " != ", "lt": " < ", "le": " <= "}


def _text(expression: Any, names: Mapping[str, str]) -> str:
    if not isinstance(expression, tuple):
        return str(names.get(expression, expression))
    op, *rest = expression
    parts = [f"({_text(e, names)})" if isinstance(e, tuple) else _text(e, names) for e in rest]
    if op == "or":
        return " or ".join(parts)
    signs = _SIGNS | {
        "add": " + ",
        "mul": " * ",
        "floordiv": " // ",
        "truediv": " / ",
        "mod": " % ",
        "pow": " ** ",
    }
    return signs[op].join(parts) if op in signs else f"{op}({', '.join(parts)})"


def refuse(signature: Signature, numbers: Mapping[str, Any], known: AbstractSet[str] = frozenset()) -> None:
    """Refuses sizes at which torch would do something else.

    Args:
        signature, numbers: the conditions, and the number of each symbol.
        known: symbols at whose numbers torch is known to do the same: conditions on them do not count.

    Raises:
        ValueError: conditions that do not hold, all of them.
    """
    counted = [c for c in signature.conditions if not (symbols(c.left) | symbols(c.right)) & known]
    broken = [c for c in counted if not holds(c, numbers)]
    if broken:
        names = signature.size_names()
        plain = [c for c in broken if _divisible(c, names)]  # the others follow from these
        shown = (plain or broken)[:3]
        used = {s for c in shown for s in symbols(c.left) | symbols(c.right)}
        batch = "batch size" if used <= signature.batch_symbols() else "size"
        words = dict.fromkeys(text(c, signature) for c in shown)
        got = ", ".join(f"{names[s]} = {numbers[s]}" for s in sorted(used))
        raise ValueError(
            f"{got}: the network does something else at this size. It was traced where {'; '.join(words)}. "
            f"If torch runs at this {batch}, convert the network again with an example of it, and call that one"
        )
