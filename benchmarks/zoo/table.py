"""The zoo's results as docs/coverage.md."""

from typing import Any

_HEAD = """\
# Which networks from_torch converts

Does [`jaxconv.from_torch`](from-torch.md) take your network? This page lists public networks that were converted with
random weights, and the result of each. `python docs/make_coverage.py` writes it from `docs/results/zoo.json`.

- **error / torch's**: both networks run on the same random input in eval mode. Both errors are distances from torch in
  float64, as root mean squares. The figure is the converted network's error divided by torch's own. Up to 4 passes. If
  torch's error is below one rounding of the output's root mean square, one rounding counts as torch's error.
- **names**: whether the converted network has torch's parameter names, in torch's order.
- **trains**: both networks run forward and backward in training mode, without dropout. `parity.check`'s end-to-end
  judgement compares the outputs, the gradient of every parameter and input, and the running statistics. Its bounds are
  derived. In an empty cell this step has not been run.
- **seconds**: processor time to convert, to compile and run once, and for the training step. The first two have XLA's
  default settings. The training step is compiled with those of `benchmarks/xla_flags.py`, which take less time.

Weights that a constructor sets to zero are drawn, too: they would hide the layers before them.

Small inputs show the same operations as large ones, so images are as small as each network takes. Hugging Face's
networks have small configurations. Detectors are compared up to the boxes of all anchors:
[Detectors](from-torch.md#detectors) has the rest.
"""

_REPRODUCE = """\
## How to reproduce it

```
pip install -c constraints.txt -e ".[zoo]"
python -m benchmarks zoo --train              # the networks that have no row yet; small ones first
python -m benchmarks zoo --train --only "timm:*"
python -m benchmarks zoo --again failed
python docs/make_coverage.py
```

The program computes each row in a process of its own with a limit of time (`--seconds`) and memory (`--gib`), and
writes it to `docs/results/zoo.json` at once. You may stop it and start it again. Most of the rows above come from the
same functions without these limits, several networks in one process.
"""


def passes(row: dict[str, Any]) -> bool:
    """Whether everything that was compared passes."""
    return bool(row.get("ok")) and row.get("trains", True)


def page(document: dict[str, Any]) -> str:
    """The page's text: a summary, the exceptions with their reasons, and a table for each group."""
    rows, machine = document["rows"], document["machine"]
    groups: dict[str, dict[str, Any]] = {}
    for name, row in rows.items():
        groups.setdefault(row["group"], {})[name] = row
    passing = sum(map(passes, rows.values()))
    lines = [_HEAD, "## The result", ""]
    lines += [
        f"{passing} of {len(rows)} networks pass in all that was compared, which is "
        f"{100 * passing // max(len(rows), 1)} %. The program lists {document['listed']} networks.",
        "",
        f"Processor: {machine['cpu']}, one thread; Python {machine['python']}. "
        + ", ".join(f"{name} {number}" for name, number in document["versions"].items())
        + ".",
        "",
        "| group | networks | forward passes | training compared | training passes |",
        "|---|---|---|---|---|",
    ]
    for group, own in (*groups.items(), ("all", rows)):
        counts = (
            len(own),
            sum(bool(r.get("ok")) for r in own.values()),
            sum("trains" in r for r in own.values()),
            sum(bool(r.get("trains")) for r in own.values()),
        )
        lines.append(f"| {group} | {' | '.join(map(str, counts))} |")
    lines += ["", "## Exceptions", ""]
    wrong = {name: row for name, row in rows.items() if not passes(row)}
    lines += ["| network | reason |", "|---|---|"] if wrong else ["None."]
    lines += [f"| `{name}` | {_escaped(reason(row))} |" for name, row in wrong.items()]
    lines += ["", _REPRODUCE]
    for group, own in groups.items():
        lines += [
            f"## {group}",
            "",
            "| network | inputs | parameters | error / torch's | names | trains | seconds |",
            "|---|---|---|---|---|---|---|",
            *(_line(name, row) for name, row in own.items()),
            "",
        ]
    return "\n".join(lines)


def reason(row: dict[str, Any]) -> str:
    """Why a row does not pass."""
    return row.get("reason") or row.get("train_reason") or ""


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("[", "\\[")


def _line(name: str, row: dict[str, Any]) -> str:
    seconds = [row[key] for key in ("convert_seconds", "run_seconds", "train_seconds") if key in row]
    cells = (
        name.partition(":")[2],
        " ".join("x".join(map(str, shape)) for shape in row.get("inputs", ())),
        f"{row['parameters']:,}" if "parameters" in row else "",
        row.get("error_ratio", ""),
        {True: "yes", False: "no"}.get(row.get("names_equal"), ""),
        {True: "yes", False: "no"}.get(row.get("trains"), ""),
        " / ".join(f"{s:.0f}" for s in seconds),
    )
    return f"| {' | '.join(map(str, cells))} |"
