"""Writes docs/coverage.md from docs/results/zoo.json: `python docs/make_coverage.py`."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is not installed

from benchmarks.zoo.table import page  # noqa: E402

PAGE, RESULTS = ROOT / "docs" / "coverage.md", ROOT / "docs" / "results" / "zoo.json"


if __name__ == "__main__":
    PAGE.write_text(page(json.loads(RESULTS.read_text())))
