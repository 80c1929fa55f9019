"""A custom Function's backward, cut out of the flat list of steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jaxconv._from_torch import sizes
from jaxconv._from_torch.alias import Tensors
from jaxconv._from_torch.frames import Backward, Step, Value, atoms, symbols_of
from jaxconv._from_torch.program import Mode, Size, Variable

_REFUSAL = (
    "the backward of {} could not be traced: {}. Write it in torch's operations, so that it decides by shapes and "
    "settings only; or put jax.lax.stop_gradient around what needs no gradient"
)


@dataclass
class _Open:
    """A call whose backward is being read: its cotangents, where its steps begin, and what was written until then."""

    cotangents: list[Value]
    start: int
    versions: dict[Any, int]


class CustomCalls:
    """The calls of custom Functions in a graph: what `custom_functions` has put there.

    Args:
        tensors: all nodes' tensors, and the steps.
        atom: makes an argument of a node's.
        problem: why a backward cannot have an operation; nothing if it can.
    """

    def __init__(
        self, tensors: Tensors, atom: Callable[[Any, Any], Any], problem: Callable[[str], str]
    ) -> None:
        self.tensors, self.atom, self.problem = tensors, atom, problem
        self.results: dict[Any, list[Value]] = {}
        self.open: dict[int, _Open] = {}

    def has(self, node: Any) -> bool:
        """Whether a node is one of several results of these operations."""
        return bool(node.args) and node.args[0] in self.results

    def result(self, node: Any) -> None:
        """One of the results."""
        self.tensors.root(node, self.results[node.args[0]][node.args[1]])

    def call(self, node: Any, kind: str, frame: Any, place: str) -> None:
        """A node of these operations."""
        if kind == "inputs":
            self.results[node] = list(self.atom(node.args[0], frame))
        elif kind == "cotangents":
            tensors, number = node.args
            values = self.results[node] = [Value(sizes.shape(x.meta["val"])) for x in tensors]
            versions = {t.base: t.base.version for t in self.tensors.of.values()}
            self.open[number] = _Open(values, len(self.tensors.steps), versions)
        else:
            self.results[node] = self.results_of(node, frame, place)

    def results_of(self, node: Any, frame: Any, place: str) -> list[Value]:
        """Makes the call's step. Returns its results."""
        *tensors, name, refused, number = node.args
        outputs, inputs, grads = (self.atom(x, frame) for x in tensors)
        opened = self.open.pop(number)
        if any(base.version != version for base, version in opened.versions.items()):
            raise ValueError(
                f"the backward of {name} writes in place to a tensor from outside, such as a saved tensor or a "
                "buffer: write to a copy (.clone())"
            )
        inner = self.cut(opened)
        used = self.reached(inner, grads)
        problems = (self.problem_of(step) for step in used)
        refused = refused or next((problem for problem in problems if problem), "")
        known = (*opened.cotangents, *inputs, *outputs)
        backward: Any
        if refused:
            backward, rest = _REFUSAL.format(name, refused), ()
        else:
            backward, rest = standing_alone(used, known, grads)
        result = Value()
        args = (backward, inputs, outputs, rest)
        self.tensors.steps.append(Step("custom_function.default", args, {}, frame, result, place))
        results = []
        for i, output in enumerate(outputs):
            results.append(Value(output.shape if isinstance(output, Value) else ()))
            self.tensors.steps.append(Step("getitem", (result, i), {}, frame, results[-1], place))
        return results

    def cut(self, opened: _Open) -> list[Step]:
        """Takes the steps that depend on the cotangents out of the list."""
        made, inner, others = set(opened.cotangents), [], []
        for step in self.tensors.steps[opened.start :]:
            if any(a in made for a in atoms((step.args, step.kwargs)) if isinstance(a, Value)):
                made.add(step.result)
                inner.append(step)
            else:
                others.append(step)
        self.tensors.steps[opened.start :] = others
        return inner

    def reached(self, steps: Sequence[Step], results: Any) -> list[Step]:
        """Those of the steps that the results depend on."""
        wanted = {a for a in atoms(results) if isinstance(a, Value)}
        used: list[Step] = []
        for step in reversed(steps):
            if step.result in wanted:
                used.insert(0, step)
                wanted |= {a for a in atoms((step.args, step.kwargs)) if isinstance(a, Value)}
        return used

    def problem_of(self, step: Step) -> str:
        """Why a backward cannot have a step; nothing if it can."""
        if any(isinstance(a, Mode) for a in atoms((step.args, step.kwargs))):
            return f"{step.op} in it depends on the module's mode"
        return self.problem(step.op)


def standing_alone(
    steps: Sequence[Step], known: Sequence[Any], grads: tuple[Any, ...]
) -> tuple[Backward, tuple[Any, ...]]:
    """Steps by themselves, and what they take in addition to the known: values, parameters and buffers."""
    made = {step.result for step in steps}
    taken: dict[Any, Value] = {}
    for atom in atoms((*((s.args, s.kwargs) for s in steps), grads, known)):
        if isinstance(atom, Variable):
            taken.setdefault(atom, Value())
        elif isinstance(atom, Value) and atom not in made:
            taken.setdefault(atom, atom)

    def renamed(arg: Any) -> Any:
        if isinstance(arg, tuple | list):
            return tuple(map(renamed, arg))
        return taken.get(arg, arg) if isinstance(arg, Variable) else arg

    inner = tuple(
        replace(s, args=renamed(s.args), kwargs={k: renamed(v) for k, v in s.kwargs.items()}, frame=())
        for s in steps
    )
    first = tuple(taken[atom] for atom in known)
    rest = tuple(atom for atom in taken if atom not in known)
    inputs = (*first, *(taken[atom] for atom in rest))
    told = {size for value in inputs for size in value.shape if isinstance(size, str)}
    needed = sorted({s for step in inner for s in symbols_of(step)} - told)
    return Backward(inner, inputs, tuple(map(Size, needed)), renamed(grads)), rest
