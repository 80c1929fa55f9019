"""Every line of docs/cheat-sheet.md runs, torch's and ours, from the top of the page to its end."""

import contextlib
import io
import re
from pathlib import Path

import jax
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cheat-sheet.md"
ROWS = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", PAGE.read_text(), re.MULTILINE)
BLOCK = re.search(r"^```python\n(.*?)^```$", PAGE.read_text(), re.DOTALL | re.MULTILINE)[1]


def test_there_are_fifty_lines():
    assert 50 <= len(ROWS) <= 60
    assert PAGE.read_text().count("\n| `") == len(ROWS)


@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
def test_every_line_runs_and_both_columns_agree(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spaces = [{}, {}]
    with jax.enable_x64(False):  # readers have JAX's default
        run(spaces)


def run(spaces):
    for space in spaces:
        exec(BLOCK, space)
    for row in ROWS:
        for code, space in zip(row, spaces, strict=True):
            with contextlib.redirect_stdout(io.StringIO()):
                try:
                    exec(code, space)
                except Exception as error:
                    raise AssertionError(code) from error
        theirs, ours = (space.get("out") for space in spaces)
        if theirs is not None:
            assert tuple(theirs.shape) == ours.shape, row
        for name in ("names", "count"):
            assert spaces[0].get(name) == spaces[1].get(name)
