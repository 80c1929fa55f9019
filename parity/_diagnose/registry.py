"""The causes: what people get wrong, and how each is made on purpose, so that it can be tried."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from parity._diagnose.hypothesis import Diagnosis

Form = Callable[..., Iterator[tuple[str, Any]]]
"""Yields each way to make a mistake: the fix in words, and what is run in torch's place.

| where | the form is given | and yields |
|---|---|---|
| a layer of torch.nn | the layer | a layer |
| a function | `Called` | a function of (torch's function, *its arguments) |
| `network.INPUT` | nothing | a function of the input |
| `network.LAYER` | the layer's `Call` | a layer |
| `network.LAYERS` | two `Call`s | a function of the network that returns another |
| `convolutions.FLATTENED` | the dense layer and the image's shape | a layer |
"""


class Called(NamedTuple):
    """A call of a function between the layers, which the form of a function is given."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class Cause:
    """A mistake. Making one enters it in `CAUSES`, in whose order causes are tried.

    Attributes:
        id: stable, such as 'padding.same'; what a `Diagnosis` has.
        says: what is wrong, for docs/diagnosis.md.
        forms: how the mistake is made, by where: a layer ('Conv2d'), a function ('softmax'), or another place.
    """

    id: str
    says: str
    forms: dict[str, Form] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        assert self.id not in CAUSES, self.id
        CAUSES[self.id] = self

    def tried(self, *where: str) -> Callable[[Form], Form]:
        """Enters a form for these layers, functions or places."""

        def enter(form: Form) -> Form:
            assert not set(where) & set(self.forms), self.id
            self.forms.update(dict.fromkeys(where, form))
            return form

        return enter

    def at(self, layer: str, fix: str) -> Diagnosis:
        """Returns the diagnosis that this is the cause, there."""
        return Diagnosis(layer, self.id, fix)


CAUSES: dict[str, Cause] = {}

UNKNOWN = Cause("unknown", "none of these; what the error looks like is described")


def forms(where: str, *given: Any) -> Iterator[tuple[Cause, str, Any]]:
    """Yields every mistake that can be made there: its cause, the fix in words, and what is run in its place."""
    for cause in CAUSES.values():
        if where in cause.forms:
            for fix, variant in cause.forms[where](*given):
                yield cause, fix, variant
