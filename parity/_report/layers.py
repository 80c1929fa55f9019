"""What a report says of one layer."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """

    name: str
    kind: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    verdicts: tuple[Verdict, ...]
    unjudged: str = ""

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


def tree(layers: Sequence[LayerReport]) -> Iterator[tuple[str, LayerReport | None]]:
    """The layers in their order, indented below the modules that hold them: a label, and the layer if it is one."""
    above: list[str] = []
    for layer in layers:
        *parents, name = (layer.name or layer.kind).split(".")
        same = 0
        while same < min(len(parents), len(above)) and parents[same] == above[same]:
            same += 1
        yield from (("  " * i + parents[i], None) for i in range(same, len(parents)))
        yield "  " * len(parents) + name, layer
        above = parents
