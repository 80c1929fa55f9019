"""What a report says of one layer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from parity._judge.verdict import Verdict


def worst(verdicts: tuple[Verdict, ...], torch: bool) -> float:
    """The worst ratio of ours, or of torch's; NaN where nothing could be compared."""
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
        unjudged: why the layer was compared only as a part of the network, if it was.
        at: which input it is about, where several were given: 'inputs[1]'; or what a probe tried.
        calls: how many calls it stands for: one, but in a table's row.
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    verdicts: tuple[Verdict, ...]
    unjudged: str = ""
    at: str = ""
    calls: int = 1

    @property
    def path(self) -> str:
        """The layer's path in torch's network, whichever call it is."""
        return self.name.partition("#")[0]

    @property
    def shown(self) -> str:
        """How a sentence names it."""
        where = f" at {self.at}" if self.at.startswith("inputs[") else f" ({self.at})" if self.at else ""
        return f"{self.name or self.kind}{where}"

    @property
    def counted(self) -> str:
        """Its kind, and how often it was called."""
        return f"{self.kind} ({self.calls} calls)" if self.calls > 1 else self.kind

    @property
    def ok(self) -> bool:
        """Whether something was compared and all of it agrees, or the network had to answer for the layer."""
        return bool(self.unjudged) or (
            any(v.elements for v in self.verdicts) and all(v.ok for v in self.verdicts)
        )

    @property
    def word(self) -> str:
        """The verdict in a table."""
        return "end to end" if self.unjudged else "ok" if self.ok else "DIFFERS"

    @property
    def ratio(self) -> float:
        """The worst error in units of the bound; NaN where nothing could be compared."""
        return worst(self.verdicts, torch=False)

    @property
    def torch_ratio(self) -> float:
        """The same of torch's own result."""
        return worst(self.verdicts, torch=True)


def rows(layers: Sequence[LayerReport]) -> list[LayerReport]:
    """One for each layer, in the order of their first calls: all calls of a shared one together."""
    found: dict[tuple[str, str], list[LayerReport]] = {}
    for layer in layers:
        found.setdefault((layer.at, layer.path), []).append(layer)
    return [calls[0] if len(calls) == 1 else _together(calls) for calls in found.values()]


def _together(calls: Sequence[LayerReport]) -> LayerReport:
    judged = [call for call in calls if not call.unjudged]
    verdicts = tuple(v for call in judged or calls for v in call.verdicts)
    first = next((call for call in calls if not call.ok), (judged or calls)[0])
    return replace(first, name=first.path, verdicts=verdicts, calls=len(calls))


def tree(layers: Sequence[LayerReport]) -> Iterator[tuple[str, LayerReport | None]]:
    """`rows`, indented below the modules that hold them: a label, and the layer if it is one."""
    above: list[str] = []
    at = ""
    for layer in rows(layers):
        if layer.at != at:
            at, above = layer.at, []
            yield at, None
        *parents, name = (layer.name or layer.kind).split(".")
        same = 0
        while same < min(len(parents), len(above)) and parents[same] == above[same]:
            same += 1
        yield from (("  " * i + parents[i], None) for i in range(same, len(parents)))
        yield "  " * len(parents) + name, layer
        above = parents
