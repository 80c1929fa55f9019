"""The examples in the docstrings of layers and functions, in tables: each is an expression and what is printed."""

import inspect
from collections.abc import Mapping
from typing import Any

from jaxconv._shown import shown


def section(lines: list[str]) -> str:
    """Returns the lines as the last section of a docstring."""
    return "\n\n    Examples:\n" + "".join(f"        {line}\n" for line in lines) + "    "


def document(namespace: Mapping[str, Any], table: Mapping[str, tuple[str, str]]) -> None:
    """Adds the examples of a table to the docstrings of a module's names, and readable signatures to its functions."""
    for name, (code, printed) in table.items():
        if inspect.isfunction(namespace[name]):
            namespace[name].__signature__ = shown(inspect.signature(namespace[name]))
        if doc := namespace[name].__doc__:  # python -OO leaves none
            namespace[name].__doc__ = doc.rstrip() + section(
                [f"{'>>>' if line else '...'} {line}".rstrip() for line in code.split("\n")]
                + printed.splitlines()
            )
