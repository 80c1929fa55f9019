"""What an input cannot show, for people."""

from collections.abc import Iterator, Mapping, Sequence

from parity._report.groups import named
from parity._torch.unseen import KINDS, Unseen


def said(one: Unseen) -> dict[str, str]:
    """What is hidden, what would show it, and details."""
    return {"what": one.kind.what, "shows": one.kind.shows, "detail": one.detail}


def lines(hidden: Sequence[Unseen]) -> Iterator[tuple[str, str, str]]:
    """For each way in which something is hidden: the layers, what is hidden, and what would show it."""
    for id, kind in KINDS.items():
        of_kind = [one for one in hidden if one.id == id]
        if not of_kind:
            continue
        names = [f"{one.layer or 'the network'}{f' ({one.detail})' if one.detail else ''}" for one in of_kind]
        yield named(names), kind.what, kind.shows


def text(hidden: Sequence[Unseen], probes: Mapping[str, bool]) -> Iterator[str]:
    """The section of a report; nothing if nothing is hidden and nothing was tried."""
    agree = [what for what, ok in probes.items() if ok]
    if agree:
        yield f"the networks also agree on: {'; '.join(agree)}"
    if hidden:
        also = (
            "the probes do not show it either" if probes else "parity.check(..., probe=True) tries some of it"
        )
        yield f"what this input cannot show ({also}):"
    for layers, what, shows in lines(hidden):
        yield f"- {layers}: {what}; {shows} would show it"
