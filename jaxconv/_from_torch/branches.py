"""torch.cond: two graphs in the graph, of which one runs."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxconv._from_torch import sizes
from jaxconv._from_torch.alias import Tensors
from jaxconv._from_torch.custom_steps import CustomCalls, standing_alone
from jaxconv._from_torch.frames import Backward, Step, Value


def choose(
    node: Any,
    tensors: Tensors,
    custom: CustomCalls,
    atom: Callable[[Any, Any], Any],
    walk: Callable[[Any], Any],
    frame: Any,
    place: str,
) -> list[Value]:
    """Makes the step of a call of torch.cond. Returns its results.

    Args:
        node: the call.
        tensors, custom: the trace's.
        atom: makes an argument of a node's.
        walk: makes the steps of a graph whose placeholders are known, and returns its output nodes.
        frame, place: where the call is.

    Raises:
        ValueError: a branch changes buffers, draws random numbers or depends on the module's mode.
    """
    predicate, *names, operands = node.args
    given = atom(predicate, frame), tuple(atom(x, frame) for x in operands)
    owner = node.graph.owning_module
    branches = [_branch(getattr(owner, n.target).graph, tensors, custom, atom, walk, place) for n in names]
    whole = Value()
    tensors.steps.append(Step("cond.default", (given[0], *branches, given[1]), {}, frame, whole, place))
    results = []
    for i, meta in enumerate(node.meta["val"]):
        results.append(Value(sizes.shape(meta)))
        tensors.steps.append(Step("getitem.default", (whole, i), {}, frame, results[-1], place))
    return results


def _branch(
    graph: Any,
    tensors: Tensors,
    custom: CustomCalls,
    atom: Callable[[Any, Any], Any],
    walk: Callable[[Any], Any],
    place: str,
) -> tuple[Backward, Sequence[Any]]:
    """A branch's steps by themselves, and what they take in addition to the operands."""
    start, operands = len(tensors.steps), []
    for own in (n for n in graph.nodes if n.op == "placeholder"):
        operands.append(Value(sizes.shape(own.meta.get("val"))))
        tensors.root(own, operands[-1])
    results = tuple(atom(x, ()) for x in walk(graph))
    steps = tensors.steps[start:]
    tensors.steps[start:] = []
    if problem := next((problem for step in steps if (problem := custom.problem_of(step))), ""):
        raise ValueError(f"torch.cond at {place}: {problem}, which a branch must not do")
    return standing_alone(steps, operands, results)
