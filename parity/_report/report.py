"""What `parity.check` found, as data, and as text for people."""

import html
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from parity._diagnose.hypothesis import Diagnosis
from parity._judge.verdict import Verdict
from parity._pairing.match import Entry
from parity._report import excerpt, groups, hidden, junit
from parity._report.layers import LayerReport, rows, tree, worst
from parity._report.text import printable
from parity._torch.unseen import Unseen

SCHEMA = 5
"""The version of the layout of `Report.to_json`."""

_SHOWN = 4
"""How many findings the short version has, and how many of the whole network the long one."""


@dataclass(frozen=True)
class Report:
    """Whether two networks are the same, and where they are not.

    Attributes:
        layers: in the order of torch's calls.
        network: the verdicts on the outputs and gradients of the whole.
        problems: what else stands against a pass: layers without a partner, layers never called, a constant input.
        notes: what does not, and should be known: a gradient that is zero, an activation that is a function in Flax.
        ledger: every tensor of both sides: its two names, and how it is laid out.
        diagnosis: one entry a fault: the layer, the cause, the remedy, and the lines on both sides.
        about: the networks, the input, the seed, the precision, the machine and the versions, by name.
        forward_only: whether no gradient was compared (`quick`).
        training: the verdicts on what each step of training leaves (`train_steps`).
        hidden: where the networks agree, what the input cannot show: mistakes that would compute the same.
        probes: what else was tried (`probe`), and whether the networks agree there.

    Examples:
        >>> x = jax.random.normal(jax.random.key(0), (4, 3))
        >>> report = parity.check(torch.nn.ReLU(), jaxconv.ReLU(), x)
        >>> isinstance(report, parity.Report), report.assert_ok()
        (True, None)
    """

    layers: tuple[LayerReport, ...]
    network: tuple[Verdict, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ledger: tuple[Entry, ...] = ()
    diagnosis: tuple[Diagnosis, ...] = ()
    about: Mapping[str, str] = field(default_factory=dict)
    forward_only: bool = False
    training: tuple[Verdict, ...] = ()
    hidden: tuple[Unseen, ...] = ()
    probes: Mapping[str, bool] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether everything was compared, and rounding explains every difference."""
        agrees = all(layer.ok for layer in self.layers) and all(v.ok for v in (*self.network, *self.training))
        return self._compared and agrees

    @property
    def _compared(self) -> bool:
        return any(v.elements for v in self.network) and not self.problems

    @property
    def first_divergence(self) -> str | None:
        """The name of the first layer that is not ok, None if all are."""
        return next((layer.name for layer in self.layers if not layer.ok), None)

    @property
    def modes(self) -> bool:
        """Whether the networks are in different modes, so that nothing else was compared."""
        return any(v.name == "mode" for layer in self.layers for v in layer.verdicts)

    @property
    def steps(self) -> int:
        """How many steps of training were compared."""
        return len({v.name.partition(".")[0] for v in self.training})

    @property
    def faults(self) -> list[groups.Fault]:
        """`diagnosis` for people: the faults of several layers with the same cause and remedy are one."""
        return groups.faults(self.diagnosis)

    def findings(self) -> list[str]:
        """Every reason why it is not ok, one a line, layers first; several layers with the same words in one line."""
        lines = groups.findings(
            (layer.shown, f"{v.name}: {v.reason}")
            for layer in self.layers
            for v in layer.verdicts
            if not v.ok and not layer.unjudged and not (self.modes and self.diagnosis)  # the causes say it
        )
        lines += [
            f"{layer.shown}: nothing was compared"
            for layer in self.layers
            if not layer.ok and all(v.ok for v in layer.verdicts)
        ]
        lines += [f"network: {v.name}: {v.reason}" for v in self.network if not v.ok]
        if self.layers and all(layer.ok for layer in self.layers) and not all(v.ok for v in self.network):
            lines.append(
                "every layer is right on its own: what stands between the layers differs, or their order"
            )
        trained = [f"training: {v.name}: {v.reason}" for v in self.training if not v.ok]
        if trained and not lines:
            lines.append("forward and backward the networks agree: what a step of training changes differs")
        lines += trained
        if not any(v.elements for v in self.network) and all(v.ok for v in self.network) and not self.modes:
            lines.append("network: nothing was compared end to end")
        return lines + list(self.problems)

    def short(self) -> str:
        """What is wrong in a few lines: the first findings, all problems, and the causes."""
        findings = self.findings()
        differing = findings[: len(findings) - len(self.problems)]
        lines = [*_some(differing), *self.problems]
        for fault in self.faults:
            lines += [f"cause: {fault}", *(f"  {line}" for line in excerpt.short(fault.first))]
        return printable("\n".join([self._headline(), *(f"  {line}" for line in lines)]))

    def assert_ok(self) -> None:
        """Raises AssertionError with the first findings and the causes unless the report is ok."""
        __tracebackhide__ = True  # pytest's traceback ends in the test
        if not self.ok:
            raise AssertionError(
                "the networks differ:" + self.short().removeprefix(printable(self._headline()))
            )

    def to_json(self) -> str:
        """The report as JSON: `schema`, `ok`, `first_divergence`, `forward_only`, `about`, `layers`, `network`,
        `training`, `diagnosis`, `problems`, `notes`, `hidden`, `probes`, `ledger`."""

        def plain(value: Any) -> Any:
            # JSON has no NaN and no infinity.
            if isinstance(value, float) and not math.isfinite(value):
                return None if math.isnan(value) else str(value)
            if isinstance(value, dict):
                return {key: plain(v) for key, v in value.items()}
            return [plain(v) for v in value] if isinstance(value, list | tuple) else value

        head: dict[str, Any] = {"schema": SCHEMA, "ok": self.ok, "first_divergence": self.first_divergence}
        head |= {"forward_only": self.forward_only, "about": dict(self.about)}

        def verdicts(of: Sequence[Verdict]) -> list[dict[str, Any]]:
            return [{key: v for key, v in asdict(verdict).items() if key != "heat"} for verdict in of]

        layers = [
            {**asdict(layer), "verdicts": verdicts(layer.verdicts), "ok": layer.ok} for layer in self.layers
        ]
        for layer in layers:
            del layer["calls"]  # each entry is one call
        rest: dict[str, Any] = {"layers": layers, "network": verdicts(self.network)}
        rest["training"] = verdicts(self.training)
        rest |= {
            "diagnosis": [asdict(d) for d in self.diagnosis],
            "problems": self.problems,
            "notes": self.notes,
        }
        rest["hidden"] = [{"id": u.id, "layer": u.layer, **hidden.said(u)} for u in self.hidden]
        rest["probes"] = [{"what": what, "ok": ok} for what, ok in self.probes.items()]
        rest["ledger"] = [asdict(entry) for entry in self.ledger]
        return json.dumps(plain({**head, **rest}), indent=2, allow_nan=False)

    def __str__(self) -> str:
        # As wide as it needs: where this is printed, and what wraps it, is not known here.
        console = Console(file=io.StringIO(), width=1000, color_system=None)
        with console.capture() as capture:
            console.print(self)
        return capture.get().rstrip("\n")

    def to_junit(self) -> str:
        """The report as JUnit XML: a test case for each layer, for each result of the whole, and for problems."""
        layers = [
            junit.TestCase(
                layer.shown,
                layer.ok,
                [f"{v.name}: {v.reason}" for v in layer.verdicts if not v.ok],
            )
            for layer in self.layers
        ]
        network = [junit.TestCase(v.name, v.ok, [v.reason]) for v in self.network]
        network += [junit.TestCase(v.name, v.ok, [v.reason]) for v in self.training]
        network.append(junit.TestCase("compared", self._compared, self.problems))
        return junit.document({"layers": layers, "network": network})

    def save_junit(self, path: str | PathLike[str]) -> None:
        """Writes `to_junit()` to a file."""
        Path(path).write_text(self.to_junit(), encoding="utf-8")

    def save_html(self, path: str | PathLike[str]) -> None:
        """Writes one HTML file that needs no other: verdict, causes, a plot of all layers, where each error is."""
        from parity._report.html import to_html  # takes matplotlib and jinja2

        Path(path).write_text(printable(to_html(self)), encoding="utf-8")

    def _repr_html_(self) -> str:
        """What a notebook shows: the page of `save_html`, in a frame, so that its styles stay its own."""
        from parity._report.html import to_html  # takes matplotlib and jinja2

        page = html.escape(printable(to_html(self)))
        return f'<iframe sandbox srcdoc="{page}" style="width: 100%; height: 40em; border: 0"></iframe>'

    def _headline(self) -> str:
        layers = rows(self.layers)
        right = sum(layer.ok and not layer.unjudged for layer in layers)
        if self.ok:
            rest = len(layers) - right
            results = "outputs" if self.forward_only else "outputs and gradients"
            what = f"{right} of {len(layers)} layers and the network end to end" if layers else results
            more = (
                f"; {rest} layer{'s were' if rest > 1 else ' was'} compared end to end only" if rest else ""
            )
            same = "the same forward pass" if self.forward_only else "the same network"
            more = (f", and so do {self.steps} steps of training" if self.training else "") + more
            unknown = "; no gradient was compared" if self.forward_only else ""
            return f"{same}: {what} differ by rounding only{more}{unknown}"
        if self.modes:
            return "NOT the same network: one is in training mode, the other in eval mode, in " + (
                f"{len(layers)} layers" if len(layers) > 1 else "one layer"
            )
        if not layers:
            return "NOT the same network"
        first = next((layer for layer in self.layers if not layer.ok), None)
        where = f", the first that does not is {first.shown}" if first and self.first_divergence else ""
        if first is None and not all(v.ok for v in self.network):
            where = ", the difference is between the layers"
        return f"NOT the same network: {right} of {len(layers)} layers agree{where}"

    def __rich_console__(self, console: Console, options: Any) -> Any:
        # Text, and not str, which rich would read as its markup.
        yield Text(printable(self._headline()), style="green" if self.ok else "bold red")
        for fault in self.faults:
            yield Text(printable(f"cause: {fault}"), style="bold")
            yield from (Text(printable(f"  {line}")) for line in excerpt.long(fault.first))
        table = Table("layer", "kind", "output", "results", "error / bound", "torch's", "verdict")
        for label, layer in tree(self.layers):
            if layer is None:
                table.add_row(Text(printable(label)))
                continue
            row = (
                Text(printable(label)),
                Text(printable(layer.counted)),
                "x".join(map(str, layer.output_shape)),
            )
            style = "dim" if layer.unjudged else "" if layer.ok else "red"
            table.add_row(*row, *_figures(layer.verdicts), layer.word, style=style)
        table.add_section()
        agrees = all(v.ok for v in self.network)
        word = "not compared" if self.modes else "ok" if agrees else "DIFFERS"
        table.add_row("end to end", "", "", *_figures(self.network), word, style="" if agrees else "red")
        if self.training:
            right = all(v.ok for v in self.training)
            figures = f"{self.steps} steps", "", *_figures(self.training)
            table.add_row("training", *figures, "ok" if right else "DIFFERS", style="" if right else "red")
        yield table
        findings = self.findings()
        whole = [line for line in findings if line.startswith(("network: ", "training: "))]
        shown = [line for line in findings if line not in whole]
        yield from (Text(printable(f"- {line}")) for line in [*shown, *_some(whole)])
        yield from (Text(printable(line)) for line in hidden.text(self.hidden, self.probes))
        yield from (Text(printable(f"  note: {line}")) for line in self.notes)


def _some(lines: list[str]) -> list[str]:
    more = len(lines) - _SHOWN
    return lines if more <= 1 else [*lines[:_SHOWN], f"and {more} more like these"]


def _figures(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    def ratio(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.2g}"

    results = sum(v.elements > 0 for v in verdicts)
    return (
        str(results),
        ratio(worst(verdicts, False)),
        ratio(worst(verdicts, True)),
    )
