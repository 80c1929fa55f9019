"""Results as text for people and as JSON for programs."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity._report.text import printable
from parity.suite.case import Result

SCHEMA = 1
"""The version of the JSON's layout, which `docs/parity-suite.md` describes."""


@dataclass(frozen=True)
class Row:
    """A group of cases in one line.

    Attributes:
        group: 'conv2d/groups'.
        cases, passed: how many.
        elements: how many numbers were compared.
        ratio, torch_ratio: the worst of each.
        failing: the ids of the cases that did not pass.
    """

    group: str
    cases: int
    passed: int
    elements: int
    ratio: float
    torch_ratio: float
    failing: tuple[str, ...]


def summarize(results: Iterable[Result]) -> list[Row]:
    """One row a group, in the order of their first cases."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(f"{result.case.op}/{result.case.group}", []).append(result)
    return [_row(group, members) for group, members in groups.items()]


def _row(group: str, results: Sequence[Result]) -> Row:
    verdicts = [verdict for result in results for verdict in result.verdicts]
    return Row(
        group,
        len(results),
        sum(result.ok for result in results),
        sum(verdict.elements for verdict in verdicts),
        max((v.ratio for v in verdicts if not math.isnan(v.ratio)), default=math.nan),
        max((v.torch_ratio for v in verdicts if not math.isnan(v.torch_ratio)), default=math.nan),
        tuple(result.case.id for result in results if not result.ok),
    )


def passed(results: Sequence[Result]) -> bool:
    """Whether every case passed and something was compared at all."""
    return all(result.ok for result in results) and any(v.elements for r in results for v in r.verdicts)


def _number(ratio: float) -> str:
    return "-" if math.isnan(ratio) else "exact" if ratio == 0 else f"{ratio:.3g}"


def print_results(
    results: Sequence[Result], environment: Mapping[str, str], seconds: float, console: Console
) -> None:
    """The table of groups, then every failure with its reason, then one line that says it all."""
    table = Table(
        title="worst |computed - reference| / rounding bound: 1 is the limit",
        title_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
    )
    table.add_column("group", no_wrap=True)
    for heading in ("cases", "passed", "numbers", "ours", "torch", "failing"):
        table.add_column(heading, justify="right")
    for row in summarize(results):
        style = "" if row.passed == row.cases else "red"
        counts = (row.cases, row.passed, row.elements)
        ratios = (_number(row.ratio), _number(row.torch_ratio))
        table.add_row(
            Text(printable(row.group)), *map(str, counts), *ratios, str(len(row.failing)), style=style
        )
    console.print(table)
    failures = [result for result in results if not result.ok]
    for result in failures:
        console.print(f"\n[red]FAILED[/red] {escape(printable(result.case.id))}", soft_wrap=True)
        for verdict in result.verdicts:
            if not verdict.ok:
                line = f"  {verdict.name}: {verdict.reason} (ratio {verdict.ratio:.3g})"
                console.print(escape(printable(line)), soft_wrap=True)
    console.print(
        escape(printable(", ".join(f"{name} {value}" for name, value in environment.items()))), soft_wrap=True
    )
    if failures:
        again = f' Again, alone: -k "{failures[0].case.id}"'
        conclusion = f"[red]{len(failures)} of {len(results)} cases differ.[/red]{escape(printable(again))}"
    elif not passed(results):
        conclusion = "[red]Nothing was compared.[/red]"
    else:
        conclusion = f"[green]All {len(results)} cases agree.[/green]"
    console.print(f"{conclusion} {seconds:.0f} s", soft_wrap=True)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def to_json(results: Sequence[Result], environment: Mapping[str, str], seed: int, precision: str) -> str:
    """The whole run as JSON of layout `SCHEMA`; a ratio that is infinite or not a number is null."""
    document = {
        "schema": SCHEMA,
        "ok": passed(results),
        "seed": seed,
        "precision": precision,
        "environment": dict(environment),
        "groups": [{name: _finite(v) for name, v in asdict(row).items()} for row in summarize(results)],
        "cases": [
            {
                "id": result.case.id,
                "ok": result.ok,
                "seconds": result.seconds,
                "verdicts": [
                    {name: _finite(v) for name, v in asdict(verdict).items() if name != "heat"}
                    for verdict in result.verdicts
                ],
            }
            for result in results
        ],
    }
    return json.dumps(document, indent=1, allow_nan=False)
