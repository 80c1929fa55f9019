"""The zoo's results as a Markdown table."""

from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

_PACKAGES = ("jax", "torch", "torchvision", "timm", "segmentation-models-pytorch", "monai", "transformers")


def versions() -> dict[str, str]:
    """Of the packages that the networks come from."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def passes(row: dict[str, Any]) -> bool:
    """Whether everything that was looked at is right."""
    return bool(row.get("ok")) and row.get("trains", True)


def markdown(document: dict[str, Any]) -> str:
    """A summary, the exceptions, and a table for each group."""
    rows = document["rows"]
    groups: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        groups.setdefault(row["group"], {})[name] = row
    lines = [", ".join(f"{name} {number}" for name, number in document["versions"].items()), ""]
    lines += ["| group | networks | forward passes | training steps pass | tried |", "|---|---|---|---|---|"]
    for group, own in (*groups.items(), ("all", rows)):
        count = Counter(
            forward=sum(bool(r.get("ok")) for r in own.values()),
            trained=sum(bool(r.get("trains")) for r in own.values()),
            tried=sum("trains" in r for r in own.values()),
        )
        lines.append(f"| {group} | {len(own)} | {count['forward']} | {count['trained']} | {count['tried']} |")
    wrong = {name: row for name, row in rows.items() if not passes(row)}
    if wrong:
        lines += ["", "| exception | reason |", "|---|---|"]
        lines += [f"| {name} | {_reason(row)} |" for name, row in wrong.items()]
    for group, own in groups.items():
        lines += ["", f"## {group}", ""]
        lines += [
            "| network | inputs | converts | error / torch's | names | trains | seconds |",
            "|---|---|---|---|---|---|---|",
        ]
        lines += [_line(name, row) for name, row in own.items()]
    return "\n".join(lines) + "\n"


def _reason(row: dict[str, Any]) -> str:
    text = row.get("reason") or row.get("train_reason") or ""
    return text.replace("|", "\\|").replace("<", "&lt;")


def _line(name: str, row: dict[str, Any]) -> str:
    inputs = " ".join("x".join(map(str, shape)) for shape in row.get("inputs", ()))
    seconds = "/".join(
        f"{row[key]:.0f}" for key in ("convert_seconds", "run_seconds", "train_seconds") if key in row
    )
    cells = (
        name.partition(":")[2],
        inputs,
        _mark("convert_seconds" in row),
        row.get("error_ratio", ""),
        _mark(row.get("names_equal")),
        _mark(row.get("trains")) if "trains" in row else "",
        seconds,
    )
    return f"| {' | '.join(map(str, cells))} |"


def _mark(value: Any) -> str:
    return "yes" if value else "no"
