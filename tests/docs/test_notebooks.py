"""Every cell of docs/notebooks/*.ipynb runs, and prints what the notebook says it prints."""

import contextlib
import io
import json
import linecache
import re
from pathlib import Path

import jax
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICK = "learn-conv2d"


def cells(path):
    """(source, printed text, number of pictures) of each cell of code."""
    for cell in json.loads(path.read_text())["cells"]:
        if cell["cell_type"] == "code":
            outputs = cell["outputs"]
            assert not [each for each in outputs if each["output_type"] == "error"]
            printed = "".join("".join(each["text"]) for each in outputs if each["output_type"] == "stream")
            pictures = [each for each in outputs if "image/png" in each.get("data", {})]
            yield "".join(cell["source"]), printed, len(pictures)


def words(text):
    """Without figures, which depend on the machine, and without the widths of a table's columns."""
    return re.sub(r"[─━ ]+", " ", re.sub(r"[\w/.-]*\d[^\s,)]*", "#", text)).split()


def run(path):
    """Runs a notebook's cells in one namespace, as a kernel does."""
    from matplotlib import pyplot as plt

    namespace = {"__name__": f"docs.{path.stem}"}
    for number, (source, expected, pictures) in enumerate(cells(path)):
        name = f"cell-{number}.py"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(source, name, "exec", dont_inherit=True), namespace)
        drawn = len(plt.get_fignums())
        plt.close("all")
        assert drawn == pictures, source
        assert words(printed.getvalue()) == words(expected), "run python tools/notebooks.py"


def test_there_are_three():
    assert len(NOTEBOOKS) == 3 and QUICK in [path.stem for path in NOTEBOOKS]


@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")
@pytest.mark.parametrize(
    "path",
    [pytest.param(p, id=p.stem, marks=[pytest.mark.thorough] if p.stem != QUICK else []) for p in NOTEBOOKS],
)
def test_a_notebook_does_what_it_says(path, monkeypatch):
    monkeypatch.chdir(FOLDER)
    monkeypatch.setenv("MPLBACKEND", "agg")
    with jax.enable_x64(False):  # readers have JAX's default
        run(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_its_links_lead_somewhere(path):
    text = "".join(
        "".join(cell["source"])
        for cell in json.loads(path.read_text())["cells"]
        if cell["cell_type"] == "markdown"
    )
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert targets and all((FOLDER / target).exists() for target in targets)


def test_a_notebook_that_prints_something_else_is_caught(tmp_path):
    cell = {
        "cell_type": "code",
        "source": ["print('two')"],
        "outputs": [{"output_type": "stream", "text": ["one\n"]}],
    }
    (tmp_path / "wrong.ipynb").write_text(json.dumps({"cells": [cell]}))
    with pytest.raises(AssertionError):
        run(tmp_path / "wrong.ipynb")
