"""What `from_torch` would say of a network, without converting it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jaxconv._from_torch.convert import as_tensors
from jaxconv._from_torch.exported import exported_with_records
from jaxconv._from_torch.module import CUSTOM, random, supported
from jaxconv._from_torch.names import torch_name, where
from jaxconv._from_torch.trace import trace


@dataclass(frozen=True)
class Coverage:
    """What is known of a network before it is converted.

    Attributes:
        network: the name of its class.
        operations: how often it uses each operation, by torch's name, the most frequent first.
        missing: a line for each operation that is not covered, with its places.
        refused: why it is not traced or not carried over; empty if nothing is known against it.
        notes: what is converted, but is not everything that torch has.
    """

    network: str
    operations: dict[str, int]
    missing: tuple[str, ...] = ()
    refused: str = ""
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether from_torch would convert the network."""
        return not self.missing and not self.refused

    def __str__(self) -> str:
        lines = []
        if self.operations:
            uses = sum(self.operations.values())
            lines += [f"{self.network} uses {len(self.operations)} operations, {uses} times in all:"]
            lines += [f"  {count:5} {op}" for op, count in self.operations.items()]
        if self.missing:
            lines += [
                f"{len(self.missing)} of them are not covered:",
                *(f"  {line}" for line in self.missing),
                _HINT,
            ]
        if self.refused:
            lines += [f"from_torch refuses it: {self.refused}"]
        lines += self.notes
        if self.ok:
            lines += ["All are covered: jaxconv.from_torch takes this network."]
        return "\n".join(lines)


_HINT = (
    "Write each of these lines in operations that are covered (docs/from-torch.md); or put the module that the line is "
    "in outside of the network, convert what comes before and after it, and write the module itself in JAX."
)


def coverage(module: Any, example_input: Any, example_kwargs: dict[str, Any] | None = None) -> Coverage:
    """Traces a torch network, and compares its operations with those that `from_torch` covers. Converts no weights.

    Args:
        module, example_input, example_kwargs: as of `from_torch`.
    """
    name = type(module).__name__
    args, kwargs = as_tensors(example_input, example_kwargs)
    try:
        with exported_with_records(module, args, kwargs, None, False, False) as exported:
            programs = (exported.program, *exported.special.values())
            traces = [trace(module, program, lambda tensor: tensor).steps for program in programs]
    except (ValueError, NotImplementedError) as error:
        return Coverage(name, {}, refused=str(error))
    general, *special = traces
    operations = dict(Counter(torch_name(step.op) for step in general).most_common())
    missing = [step for step in general if not supported(step.op)]
    known = {step.op for step in missing}
    missing += [s for steps in special for s in steps if not supported(s.op) and s.op not in known]
    notes = dict.fromkeys(
        f"{step.place}: {step.args[0]}"
        for step in general
        if step.op == CUSTOM and isinstance(step.args[0], str)
    )
    draws = dict.fromkeys(torch_name(step.op) for step in general if random(step.op))
    if draws:
        notes[
            f"{', '.join(draws)} may draw random numbers: give from_torch `rngs=nnx.Rngs(0)`, or call .eval()."
        ] = None
    return Coverage(name, operations, tuple(where(missing)), notes=tuple(notes))
