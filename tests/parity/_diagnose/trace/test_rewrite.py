"""A line is rewritten in one place, or not at all."""

import ast

import pytest

from parity._diagnose.hypothesis import Place
from parity._diagnose.trace.rewrite import constant, exchanged, keyword, rewritten

MEAN = keyword(("mean",), "axis", 1)
LINES = [
    ("x = x.mean(0)  # over time", MEAN, "x = x.mean(axis=1)"),
    ("return jnp.mean(x, axis=(0, 2)) + y", MEAN, "return jnp.mean(x, axis=1) + y"),
    ("x = x.mean(0) - x.mean(1)", MEAN, None),
    ("y = f(x)", MEAN, None),
    ("x = (x.mean(0),", MEAN, None),
    ("é = x.mean(0)", MEAN, None),
    ("x = x / 0.3 + 1", constant(0.3000000001, 0.5), "x = x / 0.5 + 1"),
    ("x = x / 0.3 + 0.3", constant(0.3, 0.5), None),
    ("x = f(x, True)", constant(1.0, 0.5), None),
    ("x = jnp.pad(x, 1, mode='edge')", constant("edge", "wrap"), "x = jnp.pad(x, 1, mode='wrap')"),
    ("d = (b - a) * 2", exchanged(ast.Sub), "d = (a - b) * 2"),
    ("d = b - a - c", exchanged(ast.Sub), None),
]


@pytest.mark.parametrize(("line", "edit", "expected"), LINES)
def test_a_line_is_rewritten_in_one_place(line, edit, expected):
    assert rewritten(Place("port.py", 1, ((1, line),), ""), edit) == expected


def test_without_a_line_there_is_nothing_to_rewrite():
    assert rewritten(None, MEAN) is None
