"""From one flat list of steps to a program for every module that torch called."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import Any

from jaxconv._from_torch.program import Instruction, Program, Ref, Size, Variable, symbols

Path = tuple[str, ...]


@dataclass(eq=False)
class Value:
    """What an input or a step is in the flat list.

    Attributes:
        shape: numbers and size expressions; empty for what is no array.
    """

    shape: tuple[Any, ...] = ()


@dataclass(eq=False)
class Step:
    """An operation in the flat list.

    Attributes:
        op, args, kwargs, place: as of an Instruction, but with Values for Refs and absolute paths.
        frame: the calls that it is in, outermost first: what tells two calls apart, and the module's path.
        result: its value.
        kept: whether the module that it is in returns it even if nothing takes it.
    """

    op: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    frame: tuple[tuple[str, Path], ...]
    result: Value
    place: str = ""
    kept: bool = False


@dataclass(eq=False)
class Backward:
    """Steps that stand by themselves: a custom Function's backward, or a branch of torch.cond.

    Attributes:
        steps: without frames.
        inputs: cotangents or operands, then what else it takes from the forward pass.
        sizes: what it needs of the batch size and no input's shape tells.
        grads: its results: a backward's are a Value or None for each of the Function's inputs.
    """

    steps: tuple[Step, ...]
    inputs: tuple[Value, ...]
    sizes: tuple[Size, ...]
    grads: tuple[Any, ...]


@dataclass
class Programs:
    """The programs of each module, equal ones once."""

    by_path: dict[Path, list[Program]] = field(default_factory=dict)

    def add(self, path: Path, program: Program) -> int:
        """Which of the module's programs this is."""
        own = self.by_path.setdefault(path, [])
        if program not in own:
            own.append(program)
        return own.index(program)


def atoms(tree: Any) -> Iterator[Any]:
    """All but tuples in a tree of arguments. Of a Backward, whose other arguments stand beside it, the sizes."""
    if isinstance(tree, tuple | list):
        for part in tree:
            yield from atoms(part)
    elif isinstance(tree, dict):
        yield from atoms(tuple(tree.values()))
    elif isinstance(tree, Backward):
        yield from tree.sizes
    else:
        yield tree


def build(
    steps: Sequence[Step],
    inputs: Sequence[Value],
    outputs: Sequence[Any],
    aliases: Mapping[Path, Sequence[Path]] = MappingProxyType({}),
) -> dict[Path, list[Program]]:
    """The programs of all modules by path; the network's own is the only one under ().

    Args:
        steps, inputs, outputs: of the whole network. The steps are changed.
        aliases: for the path of a shared parameter all its paths.
    """
    programs = Programs()
    for step in steps:
        _place(step, aliases)
    programs.add((), _program(programs, (), 0, steps, list(inputs), tuple(outputs)))
    return programs.by_path


def _place(step: Step, aliases: Mapping[Path, Sequence[Path]]) -> None:
    """Moves a step out of the modules that do not hold what it uses: a parameter is reached from above only."""
    used = [atom.path for atom in atoms((step.args, step.kwargs)) if isinstance(atom, Variable)]
    names = {path: aliases.get(path, (path,)) for path in used}
    while not all(any(_below(name, step.frame) for name in names[path]) for path in used):
        step.frame = step.frame[:-1]
    nearest = {path: next(name for name in names[path] if _below(name, step.frame)) for path in used}

    def renamed(arg: Any) -> Any:
        if isinstance(arg, tuple | list):
            return tuple(map(renamed, arg))
        return Variable(nearest[arg.path]) if isinstance(arg, Variable) else arg

    step.args, step.kwargs = renamed(step.args), {k: renamed(v) for k, v in step.kwargs.items()}


def _below(path: Path, frame: Sequence[tuple[str, Path]]) -> bool:
    above = frame[-1][1] if frame else ()
    return path[: len(above)] == above


def _program(
    programs: Programs,
    path: Path,
    depth: int,
    steps: Sequence[Step],
    inputs: list[Any],
    outputs: tuple[Any, ...],
) -> Program:
    """The program of one call. `inputs` are Values, and Sizes that no Value's shape tells."""
    numbers: dict[Value, Ref] = {v: Ref(i) for i, v in enumerate(inputs) if isinstance(v, Value)}
    count = len(inputs)
    done: list[Instruction] = []

    def ref(arg: Any) -> Any:
        if isinstance(arg, tuple | list):
            return tuple(ref(a) for a in arg)
        if isinstance(arg, Value):
            return numbers[arg]
        if isinstance(arg, Backward):
            own = _program(Programs(), (), 0, arg.steps, [*arg.inputs, *arg.sizes], arg.grads)
            return own, arg.sizes
        return Variable(arg.path[len(path) :]) if isinstance(arg, Variable) else arg

    def emit(op: str, args: tuple[Any, ...], kwargs: dict[str, Any], place: str) -> Ref:
        done.append(Instruction(op, args, tuple((k, ref(v)) for k, v in sorted(kwargs.items())), place))
        return Ref(count + len(done) - 1)

    for call, group in groupby(
        steps, key=lambda step: step.frame[depth] if len(step.frame) > depth else None
    ):
        members = list(group)
        if call is None:
            for step in members:
                numbers[step.result] = emit(step.op, ref(step.args), step.kwargs, step.place)
            continue
        made = {step.result for step in members}
        taken = list(dict.fromkeys(a for s in members for a in _values(s) if a not in made))
        others = [s for s in steps if s.result not in made]
        wanted = {a for s in others for a in _values(s)} | {a for a in atoms(outputs) if isinstance(a, Value)}
        given = [s.result for s in members if s.result in wanted or (s.kept and len(s.frame) == depth + 1)]
        told = {d for v in taken for d in v.shape if isinstance(d, str)}
        needed = sorted({s for step in members for s in symbols_of(step)} - told)
        child = _program(programs, call[1], depth + 1, members, [*taken, *map(Size, needed)], tuple(given))
        which = programs.add(call[1], child)
        result = emit(
            "call", (call[1][len(path) :], which, *ref(taken), *map(Size, needed)), {}, members[0].place
        )
        if len(given) == 1:
            numbers[given[0]] = result
        else:
            for i, value in enumerate(given):
                numbers[value] = emit("getitem", (result, i), {}, "")
    return Program(len(inputs), _bound(inputs), tuple(done), ref(outputs))


def _bound(inputs: Sequence[Any]) -> tuple[tuple[str, int, int], ...]:
    """Where each symbol's number is found: an input and its dimension, or -1 for the input itself."""
    found: dict[str, tuple[int, int]] = {}
    for i, value in enumerate(inputs):
        if isinstance(value, Size):
            found.setdefault(value.expression, (i, -1))
        else:
            for d, size in enumerate(value.shape):
                if isinstance(size, str):
                    found.setdefault(size, (i, d))
    return tuple((symbol, *at) for symbol, at in found.items())


def _values(step: Step) -> Iterator[Value]:
    return (a for a in atoms((step.args, step.kwargs)) if isinstance(a, Value))


def symbols_of(step: Step) -> set[str]:
    """The symbols in a step's sizes."""
    sizes = (a for a in atoms((step.args, step.kwargs)) if isinstance(a, Size))
    return set().union(*(symbols(size.expression) for size in sizes))
