"""torch's symbolic sizes without torch."""

from typing import Any


def is_size(meta: Any) -> bool:
    """Whether a node is a number that torch computes from sizes."""
    import torch

    return isinstance(meta, torch.SymInt | torch.SymFloat | torch.SymBool) or type(meta) is int


def shape(meta: Any) -> tuple[Any, ...]:
    """A tensor's shape; of anything else ()."""
    return tuple(map(expression, meta.shape)) if hasattr(meta, "untyped_storage") else ()


def expression(size: Any) -> Any:
    """A symbolic size as nested tuples.

    Raises:
        ValueError: it is computed in a way that is not understood.
    """
    return size if isinstance(size, int | float) else of_sympy(size.node.expr)


def of_sympy(expr: Any) -> Any:
    """A sympy expression of sizes as nested tuples.

    Raises:
        ValueError: it is computed in a way that is not understood.
    """
    import sympy
    from torch.utils._sympy import functions

    names = {
        sympy.Add: "add",
        sympy.Mul: "mul",
        sympy.Pow: "pow",
        sympy.Max: "max",
        sympy.Min: "min",
        functions.FloorDiv: "floordiv",
        functions.CleanDiv: "floordiv",
        functions.Mod: "mod",
        functions.PythonMod: "mod",
        functions.Max: "max",
        functions.Min: "min",
        sympy.Or: "or",
        sympy.And: "and",
        sympy.Eq: "eq",
        sympy.Ne: "ne",
        sympy.StrictLessThan: "lt",
        sympy.LessThan: "le",
        sympy.StrictGreaterThan: "gt",
        sympy.GreaterThan: "ge",
        functions.IntTrueDiv: "truediv",
        functions.FloatTrueDiv: "truediv",
        functions.FloatPow: "pow",
        functions.PowByNatural: "pow",
        functions.ToFloat: "number",
        functions.Identity: "number",
        functions.TruncToInt: "trunc",
        functions.TruncToFloat: "trunc",
        functions.FloorToInt: "floor",
        functions.CeilToInt: "ceil",
        functions.RoundToInt: "round",
    }

    def convert(e: Any) -> Any:
        if e.is_Integer:
            return int(e)
        if e.is_Float:
            return float(e)
        if e.is_Rational:
            return "truediv", int(e.p), int(e.q)
        if e.is_Symbol:
            return str(e)
        if type(e) not in names:
            raise ValueError(f"the size {e} is computed in a way that from_torch does not support")
        return names[type(e)], *map(convert, e.args)

    return convert(expr)


def limits(constraint: Any) -> tuple[int | None, int | None]:
    """torch writes 2 for 'not specialised', and infinities of its own."""
    low, high = constraint.lower, constraint.upper
    least = int(low) if low.is_Integer and int(low) > 2 else None
    return least, int(high) if high.is_Integer and int(high) < 2**31 else None
