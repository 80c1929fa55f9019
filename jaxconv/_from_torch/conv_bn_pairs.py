"""What `fuse_conv_bn` has to know of a network that `from_torch` made: which BatchNorm follows which layer."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flax import nnx

from jaxconv._from_torch.frames import atoms
from jaxconv._from_torch.module import TorchModule, all_programs
from jaxconv._from_torch.program import Instruction, Mode, Program, Ref


class Shifted(nnx.Module):
    """What a BatchNorm leaves behind it where the layer before it has no bias.

    Attributes:
        bias: (C,), added to each channel.
    """

    def __init__(self, bias: Any) -> None:
        self.bias = nnx.Param(bias)

    def __call__(self, x: Any) -> Any:
        """x + bias, of (N, C, *size)."""
        return x + self.bias[...].reshape(-1, *(1,) * (x.ndim - 2))


def step_of(module: Any, op: str) -> Instruction | None:
    """The one step of that operation in all that the module does."""
    if not isinstance(module, TorchModule) or len(module.programs) != 1 or module.special:
        return None
    steps = [step for step in module.programs[0].steps if step.op.startswith(op)]
    return steps[0] if len(steps) == 1 else None


def norm_step(module: Any) -> Instruction | None:
    """A BatchNorm's."""
    return step_of(module, "batch_norm.") if "BatchNorm" in getattr(module, "torch_class", "") else None


def layer_step(module: Any) -> Instruction | None:
    """A convolution's or dense layer's."""
    kind = getattr(module, "torch_class", "")
    if not isinstance(getattr(module, "weight", None), nnx.Variable):  # reparametrised
        return None
    return (
        step_of(module, "linear." if kind == "Linear" else "conv")
        if kind.startswith(("Conv", "Linear"))
        else None
    )


def is_training(module: Any, step: Instruction) -> bool:
    """Whether a BatchNorm is in training mode."""
    training = step.args[5]
    return not getattr(module, training.attribute) if isinstance(training, Mode) else bool(training)


def groups(step: Instruction) -> int:
    """A transposed convolution's."""
    return step.args[6] if len(step.args) > 6 else 1


def followers(modules: dict[tuple[str, ...], Any]) -> list[tuple[str, str]]:
    """The names of the modules that alone take another's output, each time that it is called; and the other's.

    Args:
        modules: all of the network's, by path.
    """
    after: dict[tuple[str, ...], set[Any]] = {}
    before: dict[tuple[str, ...], set[Any]] = {}
    for path, module in modules.items():
        for program in all_programs(module):
            for first, second in _calls(program):
                if first is not None:
                    after.setdefault((*path, *first), set()).add(second and (*path, *second))
                if second is not None:
                    before.setdefault((*path, *second), set()).add(first and (*path, *first))
    return [
        (".".join(first), ".".join(second))
        for first, found in after.items()
        for second in found
        if second is not None and found == {second} and before[second] == {first}
    ]


def _calls(program: Program) -> Iterator[tuple[Any, Any]]:
    """For each call of a child: whose output it takes, and nobody else; for each: who takes its output alone."""
    uses = Counter(
        atom.number
        for tree in ([(step.args, step.kwargs) for step in program.steps], program.outputs)
        for atom in atoms(tree)
        if isinstance(atom, Ref)
    )
    made = {program.inputs + i: step for i, step in enumerate(program.steps) if step.op == "call"}
    taken = set()
    for step in made.values():
        path, _, *given = step.args
        alone = len(given) == 1 and isinstance(given[0], Ref) and uses[given[0].number] == 1
        source = made.get(given[0].number) if alone else None
        yield (source.args[0] if source is not None else None), path
        if source is not None:
            taken.add(given[0].number)
    yield from ((step.args[0], None) for number, step in made.items() if number not in taken)
