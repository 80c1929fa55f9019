"""One report of several."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from parity._report.report import Report


def merged(reports: Sequence[Report], names: Sequence[str] | None = None) -> Report:
    """One report of comparisons of the same networks on several inputs: by these names, or `inputs[0]` and so on."""
    if len(reports) == 1:
        return reports[0]
    names = names or [f"inputs[{i}]" for i in range(len(reports))]

    def said(of: Sequence[Sequence[str]]) -> tuple[str, ...]:
        """What all say once, and what some say with the inputs at which they do."""
        lines = dict.fromkeys(line for each in of for line in each)
        where = {line: [name for name, each in zip(names, of, strict=True) if line in each] for line in lines}
        return tuple(
            line if len(at) == len(names) else f"at {', '.join(at)}: {line}" for line, at in where.items()
        )

    def at(of: Sequence[tuple[Any, ...]], change: Any) -> tuple[Any, ...]:
        return tuple(change(one, name) for name, each in zip(names, of, strict=True) for one in each)

    first = reports[0]
    inputs = "; ".join(f"{name} {r.about.get('input', '')}" for name, r in zip(names, reports, strict=True))
    return replace(
        first,
        layers=at([r.layers for r in reports], lambda layer, name: replace(layer, at=name)),
        network=at([r.network for r in reports], lambda v, name: replace(v, name=f"{v.name} at {name}")),
        training=at([r.training for r in reports], lambda v, name: replace(v, name=f"{v.name} at {name}")),
        problems=said([r.problems for r in reports]),
        notes=said([r.notes for r in reports]),
        diagnosis=tuple(dict.fromkeys(d for r in reports for d in r.diagnosis)),
        about={**first.about, "input": inputs},
    )
