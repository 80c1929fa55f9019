"""docs/coverage.md is what docs/results/zoo.json has, and every network that does not pass has its reason."""

import importlib.util
import json
from pathlib import Path

import pytest

from benchmarks.zoo.table import page, passes, reason

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("make_coverage", ROOT / "docs" / "make_coverage.py")
make_coverage = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_coverage)
DOCUMENT = json.loads(make_coverage.RESULTS.read_text())


def test_the_page_is_fresh():
    assert make_coverage.PAGE.read_text() == page(DOCUMENT), "run python docs/make_coverage.py"


def test_every_exception_has_a_reason():
    assert [name for name, row in DOCUMENT["rows"].items() if not passes(row) and not reason(row)] == []


def test_at_least_98_of_100_networks_pass():
    passing = list(map(passes, DOCUMENT["rows"].values()))
    assert passing and sum(passing) >= 0.98 * len(passing)


@pytest.mark.parametrize(
    ("row", "cells", "exception"),
    [
        (
            {"ok": True, "error_ratio": 0.8, "names_equal": True, "trains": True},
            "|  |  | 0.8 | yes | yes |",
            "",
        ),
        ({"ok": True, "error_ratio": 0.8, "names_equal": True}, "|  |  | 0.8 | yes |  |", ""),
        ({"ok": False, "reason": "a | b"}, "|  |  |  |  |  |", "a \\| b"),
        ({"ok": True, "trains": False, "train_reason": "x"}, "|  |  |  |  | no |", "x"),
    ],
)
def test_a_row(row, cells, exception):
    document = DOCUMENT | {"rows": {"timm:net": {"group": "timm"} | row}}
    text = page(document)
    assert f"| net {cells}" in text
    assert (f"| `timm:net` | {exception} |" in text) == bool(exception) == ("\nNone.\n" not in text)
