"""What torch calls an operation, and where a network uses it, for messages."""

from collections import Counter
from collections.abc import Iterable

from jaxconv._from_torch.frames import Step


def torch_name(op: str) -> str:
    """An operation by torch's name: 'aten.conv2d.default'; one of another namespace has it in front already."""
    return f"aten.{op}" if op.count(".") == 1 else op


def where(steps: Iterable[Step]) -> list[str]:
    """A line for each operation: its name, how often it is used, and at most three places."""
    steps = list(steps)
    lines = []
    for op, count in Counter(step.op for step in steps).items():
        places = list(dict.fromkeys(step.place for step in steps if step.op == op))
        more = f" and {len(places) - 3} more places" if len(places) > 3 else ""
        lines.append(f"{torch_name(op)}, {count} time(s): {'; '.join(places[:3])}{more}")
    return lines
