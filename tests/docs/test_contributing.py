"""What CONTRIBUTING.md says of the code is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()


def defined(path):
    """The functions of a file, those of classes as Class.function."""
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef))
        elif isinstance(node, ast.FunctionDef):
            yield node.name


def test_the_way_of_a_layers_input_to_its_verdict_is_the_one_it_says():
    steps = re.findall(r"^\d+\. `(.+?)`: `(.+?)`$", TEXT, re.MULTILINE)
    assert 0 < len(steps) <= 8
    assert [step for step in steps if step[1] not in defined(step[0])] == []


def test_paths_exist():
    paths = [p for p in re.findall(r"`((?:jaxconv|parity|native|tests|docs)[\w/.]*/[\w/.]*)`", TEXT)]
    assert len(paths) > 10
    assert [p for p in paths if not (ROOT / p).exists()] == []
