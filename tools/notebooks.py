"""Runs the notebooks of docs/notebooks/ and writes what they print and draw into them.

    python tools/notebooks.py [NOTEBOOK.ipynb ...]

Without an argument it runs all of them.
"""

import sys
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[1]


def execute(path: Path) -> None:
    """Runs the cells of a notebook in a fresh kernel; an error in a cell is an error here."""
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(path.parent)}}).execute()
    for cell in notebook.cells:
        cell.metadata = {}  # times, which would change with every run
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for given in map(Path, sys.argv[1:] or sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))):
        execute(given)
