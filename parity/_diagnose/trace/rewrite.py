"""The user's line, rewritten as a remedy."""

import ast
import math
from collections.abc import Callable
from typing import Any

from parity._diagnose.hypothesis import Place
from parity._diagnose.trace.match import AGREEMENT

Edit = Callable[[ast.AST], str | None]
"""Gives the new text of a part of a line, None where it is none of its business."""


def rewritten(place: Place | None, edit: Edit) -> str | None:
    """The line with its one part that an edit changes.

    Args:
        place: of the line. One that is not a statement by itself is left alone.
        edit: is given every part of the line.

    Returns:
        The new line; None if the edit changes nothing, or more than one part.
    """
    code = place.code if place is not None else ""
    code = code.partition("#")[0].rstrip()
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    if not code.isascii():  # columns count bytes
        return None
    found = [(node, new) for node in ast.walk(tree) if (new := edit(node)) is not None]
    if len(found) != 1:
        return None
    (node, new), *_ = found
    start, end = node.col_offset, node.end_col_offset  # type: ignore[attr-defined]
    return f"{code[:start]}{new}{code[end:]}"


def keyword(functions: tuple[str, ...], name: str, value: Any) -> Edit:
    """Sets a keyword argument of the only call of one of these functions."""

    def edit(node: ast.AST) -> str | None:
        if not isinstance(node, ast.Call) or _name(node.func) not in functions:
            return None
        arguments = [a for a in node.args if not (name == "axis" and _is_literal(a))]
        others = [k for k in node.keywords if k.arg != name]
        return ast.unparse(ast.Call(node.func, arguments, [*others, ast.keyword(name, ast.Constant(value))]))

    return edit


def constant(old: Any, new: Any) -> Edit:
    """Replaces the only number or text of this value."""

    def edit(node: ast.AST) -> str | None:
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
            return None
        value = node.value
        if isinstance(old, str) or not isinstance(value, int | float):
            return repr(new) if value == old else None
        # A number was fitted to what the line computes.
        return repr(new) if math.isclose(value, old, rel_tol=AGREEMENT) else None

    return edit


def exchanged(*operators: type[ast.operator]) -> Edit:
    """Exchanges the operands of the only such operation."""

    def edit(node: ast.AST) -> str | None:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, operators):
            return None
        return ast.unparse(ast.BinOp(node.right, node.op, node.left))

    return edit


def _is_literal(node: ast.AST) -> bool:
    """Whether an argument is written out as numbers: so are axes."""
    try:
        ast.literal_eval(node)
    except ValueError:
        return False
    return True


def _name(function: ast.AST) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
