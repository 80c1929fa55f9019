"""What `parity.check` found, as data, and as text for people."""

import io
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from parity.compare import Verdict
from parity.diagnose.hypothesis import Diagnosis
from parity.matching import Entry

SCHEMA = 2
"""The version of the layout of `Report.to_json`."""


def _worst(verdicts: tuple[Verdict, ...], torch: bool) -> float:
    ratios = [v.torch_ratio if torch else v.ratio for v in verdicts]
    return max((r for r in ratios if not math.isnan(r)), default=math.nan)


@dataclass(frozen=True)
class LayerReport:
    """One call of one layer, run on its own on the input that torch's layer was given.

    Attributes:
        name: torch's path; of a second call 'path#2'.
        kind: torch's class.
        input_shape, output_shape: of the call.
        verdicts: one for each output and gradient.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether something was compared and all of it agrees."""
        return any(v.elements for v in self.verdicts) and all(v.ok for v in self.verdicts)

    @property
    def ratio(self) -> float:
        """The worst error in units of the bound; NaN where nothing could be compared."""
        return _worst(self.verdicts, torch=False)

    @property
    def torch_ratio(self) -> float:
        """The same of torch's own result."""
        return _worst(self.verdicts, torch=True)


@dataclass(frozen=True)
class Report:
    """Whether two networks are the same, and where they are not.

    Attributes:
        layers: in the order of torch's calls.
        network: the verdicts on the outputs and gradients of the whole.
        problems: what else stands against a pass: layers without a partner, layers never called, a constant input.
        notes: what does not, and should be known: a gradient that is zero, an activation that is a function in Flax.
        ledger: every tensor of both sides: its two names, and how it is laid out.
        diagnosis: one entry a fault: the layer, the cause, the remedy.
    """

    layers: tuple[LayerReport, ...]
    network: tuple[Verdict, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    ledger: tuple[Entry, ...] = ()
    diagnosis: tuple[Diagnosis, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything was compared, and rounding explains every difference."""
        compared = bool(self.layers) and any(v.elements for v in self.network)
        agrees = all(layer.ok for layer in self.layers) and all(v.ok for v in self.network)
        return compared and agrees and not self.problems

    @property
    def first_divergence(self) -> str | None:
        """The name of the first layer that is not ok, None if all are."""
        return next((layer.name for layer in self.layers if not layer.ok), None)

    def findings(self) -> list[str]:
        """Every reason why it is not ok, one a line, layers first."""
        lines = [
            f"{layer.name or layer.kind}: {v.name}: {v.reason}"
            for layer in self.layers
            for v in layer.verdicts
            if not v.ok
        ]
        lines += [
            f"{layer.name or layer.kind}: nothing was compared"
            for layer in self.layers
            if not any(v.elements for v in layer.verdicts) and all(v.ok for v in layer.verdicts)
        ]
        lines += [f"network: {v.name}: {v.reason}" for v in self.network if not v.ok]
        if self.layers and all(layer.ok for layer in self.layers) and not all(v.ok for v in self.network):
            lines.append(
                "every layer is right on its own: what stands between the layers differs, or their order"
            )
        if not any(v.elements for v in self.network) and all(v.ok for v in self.network):
            lines.append("network: nothing was compared end to end")
        return lines + list(self.problems)

    def assert_ok(self) -> None:
        """Raises AssertionError with the findings unless the report is ok."""
        if not self.ok:
            lines = [*self.findings(), *(f"cause: {fault}" for fault in self.diagnosis)]
            raise AssertionError("the networks differ:\n" + "\n".join(f"  {line}" for line in lines))

    def to_json(self) -> str:
        """The report as JSON: `schema`, `ok`, `first_divergence`, `layers`, `network`,
        `diagnosis`, `problems`, `notes`, `ledger`."""

        def plain(value: Any) -> Any:
            # JSON has no NaN and no infinity.
            if isinstance(value, float) and not math.isfinite(value):
                return None if math.isnan(value) else str(value)
            if isinstance(value, dict):
                return {key: plain(v) for key, v in value.items()}
            return [plain(v) for v in value] if isinstance(value, list | tuple) else value

        head = {"schema": SCHEMA, "ok": self.ok, "first_divergence": self.first_divergence}
        layers = [{**asdict(layer), "ok": layer.ok} for layer in self.layers]
        rest: dict[str, Any] = {"layers": layers, "network": [asdict(v) for v in self.network]}
        rest |= {
            "diagnosis": [asdict(d) for d in self.diagnosis],
            "problems": self.problems,
            "notes": self.notes,
        }
        rest["ledger"] = [asdict(entry) for entry in self.ledger]
        return json.dumps(plain({**head, **rest}), indent=2, allow_nan=False)

    def __str__(self) -> str:
        # As wide as it needs: where this is printed, and what wraps it, is not known here.
        console = Console(file=io.StringIO(), width=1000, color_system=None)
        with console.capture() as capture:
            console.print(self)
        return capture.get().rstrip("\n")

    def __rich_console__(self, console: Console, options: Any) -> Any:
        layers = sum(layer.ok for layer in self.layers)
        yield (
            f"the same network: {layers} of {len(self.layers)} layers and the whole differ by rounding only"
            if self.ok
            else f"NOT the same network: {layers} of {len(self.layers)} layers agree"
            + (
                f", the first that does not is {escape(self.first_divergence)}"
                if self.first_divergence
                else ""
            )
        )
        yield from (Text(f"cause: {fault}") for fault in self.diagnosis)
        table = Table("layer", "kind", "output", "results", "error / bound", "torch's", "verdict")
        for layer in self.layers:
            verdicts = layer.verdicts
            row = (escape(layer.name or layer.kind), layer.kind, "x".join(map(str, layer.output_shape)))
            table.add_row(*row, *_figures(verdicts, layer.ok))
        table.add_section()
        table.add_row("end to end", "", "", *_figures(self.network, all(v.ok for v in self.network)))
        yield table
        yield from (Text(f"- {line}") for line in self.findings())
        yield from (Text(f"  note: {line}") for line in self.notes)


def _figures(verdicts: tuple[Verdict, ...], ok: bool) -> tuple[str, ...]:
    def ratio(value: float) -> str:
        return "-" if math.isnan(value) else f"{value:.2g}"

    results = sum(v.elements > 0 for v in verdicts)
    return (
        str(results),
        ratio(_worst(verdicts, False)),
        ratio(_worst(verdicts, True)),
        "ok" if ok else "DIFFERS",
    )
