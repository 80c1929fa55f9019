"""A torch network as a flat list of steps, without torch."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxconv._from_torch.frames import Backward, Path, Step, Value
from jaxconv._from_torch.program import Signature, Size, Variable, evaluate


@dataclass
class Trace:
    """A torch network without torch.

    Attributes:
        steps, inputs, outputs: what it does; the last outputs are the new values of `signature.updates`.
        signature: how it is called.
        constants: arrays that are in no state_dict, by path.
        aliases: for the path of a shared parameter all its paths.
    """

    steps: list[Step]
    inputs: list[Value]
    outputs: list[Any]
    signature: Signature
    constants: dict[Path, Any]
    aliases: dict[Path, tuple[Path, ...]]

    def rename_constants(self, suffix: str) -> None:
        """Gives the constants names that no other trace of the network has."""
        new = {path: (*path[:-1], path[-1] + suffix) for path in self.constants}

        def renamed(arg: Any) -> Any:
            if isinstance(arg, tuple | list):
                return tuple(map(renamed, arg))
            return Variable(new.get(arg.path, arg.path)) if isinstance(arg, Variable) else arg

        for step in self.steps:
            step.args = renamed(step.args)
            step.kwargs = {name: renamed(arg) for name, arg in step.kwargs.items()}
        self.outputs = [renamed(output) for output in self.outputs]
        self.constants = {new[path]: array for path, array in self.constants.items()}


def same(general: Trace, special: Trace, size: int) -> bool:
    """Whether two traces of a network are the same at a batch size.

    Args:
        general: the trace for any batch size.
        special: the trace for `size` only.
    """
    # Sizes that are open in both traces get numbers that no network's code has.
    numbers: dict[str, int] = {}
    for leaf, own in zip(general.inputs, special.inputs, strict=True):
        for symbol, at_size in zip(leaf.shape, own.shape, strict=False):
            for open_size in {symbol, at_size}:
                if isinstance(open_size, str):
                    numbers.setdefault(
                        open_size, size if isinstance(at_size, int) else _UNUSED + 2 * len(numbers)
                    )
            if isinstance(symbol, str) and isinstance(at_size, str):
                numbers[at_size] = numbers[symbol]
    try:
        fits = [[tuple(evaluate(s, numbers) for s in x.shape) for x in t.inputs] for t in (general, special)]
        texts = [_text(trace, numbers) for trace in (general, special)]
    except KeyError:  # a size that is no input's
        return False
    return (
        fits[0] == fits[1]
        and texts[0] == texts[1]
        and general.constants.keys() == special.constants.keys()
        and all(_equal(array, special.constants[path]) for path, array in general.constants.items())
    )


_UNUSED = 100003


def _text(trace: Trace, numbers: dict[str, int]) -> str:
    """All that a trace does, with numbers for its sizes and its values."""
    count = {value: i for i, value in enumerate((*trace.inputs, *(step.result for step in trace.steps)))}
    return repr(
        (
            _plain(trace.steps, numbers, count),
            _atom(trace.outputs, numbers, count),
            trace.signature.result,
            trace.signature.updates,
        )
    )


def _plain(steps: Iterable[Step], numbers: dict[str, int], count: dict[Value, int]) -> list[Any]:
    def atom(arg: Any) -> Any:
        return _atom(arg, numbers, count)

    return [
        (s.op, atom(s.args), sorted((k, atom(v)) for k, v in s.kwargs.items()), [path for _, path in s.frame])
        for s in steps
    ]


def _atom(arg: Any, numbers: dict[str, int], count: dict[Value, int]) -> Any:
    if isinstance(arg, tuple | list):
        return tuple(_atom(a, numbers, count) for a in arg)
    if isinstance(arg, Size):
        return evaluate(arg.expression, numbers)
    if isinstance(arg, Backward):
        own = {value: i for i, value in enumerate((*arg.inputs, *(step.result for step in arg.steps)))}
        return _plain(arg.steps, numbers, own), _atom(arg.grads, numbers, own)
    return f"%{count[arg]}" if isinstance(arg, Value) else arg


def _equal(a: Any, b: Any) -> bool:
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
