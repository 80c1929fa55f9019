"""Prints the results of several test runs, one after the other, and every skipped test with its reason.

python tools/compare_tests.py a.xml b.xml    # each from: python -m pytest --junitxml=a.xml
"""

import sys
from collections import Counter
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree


class Run(NamedTuple):
    """What a JUnit file says.

    Attributes:
        name: the file's.
        counts: how many tests passed, failed, had an error or were skipped.
        skipped: how many tests were skipped for each reason.
        seconds: how long the run took.
    """

    name: str
    counts: Counter[str]
    skipped: Counter[str]
    seconds: float


def read(path: Path) -> Run:
    """Reads a JUnit file that our own pytest wrote."""
    counts: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    root = ElementTree.parse(path).getroot()
    for case in root.iter("testcase"):
        outcome = next(
            (child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed"
        )
        counts[outcome] += 1
        if outcome == "skipped":
            message = next(child.get("message", "") for child in case if child.tag == "skipped")
            skipped[f"{case.get('classname')}: {message}"] += 1
    return Run(
        path.stem, counts, skipped, sum(float(suite.get("time", 0)) for suite in root.iter("testsuite"))
    )


def main(paths: list[str]) -> None:
    """Prints the table."""
    runs = [read(Path(path)) for path in paths]
    print("\ntests, run by run")
    for run in runs:
        numbers = ", ".join(f"{n} {what}" for what, n in sorted(run.counts.items()))
        print(f"  {run.name}\n    {numbers}, {run.seconds:.0f} s")
        for reason, n in sorted(run.skipped.items()):
            print(f"    skipped {n}: {reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
