"""A torch network as an NNX module: torch's tree of names, and a program for every module that torch called."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv._from_torch import ops
from jaxconv._from_torch.binding import bind
from jaxconv._from_torch.custom_vjp import refusing, with_backward
from jaxconv._from_torch.describe import describe
from jaxconv._from_torch.forms import call
from jaxconv._from_torch.program import (
    Dtype,
    Instruction,
    Mode,
    Program,
    Ref,
    Signature,
    Size,
    Variable,
    evaluate,
)
from jaxconv._lower import in_layer
from jaxconv.nn._drawing import Draws
from jaxconv.nn._module import Guarded
from jaxconv.nn.identity import Identity


class TorchModule(Guarded, nnx.Module):
    """A module of a torch network: its parameters, buffers and child modules have torch's names.

    It may be called on its own, with the arrays that torch's module takes out of the network, in the order in which
    it first uses them. Any module with the same inputs may stand in its place: `model.fc = jaxconv.Linear(...)`.

    `model.train()` and `model.eval()` switch batch norms and dropout.

    Attributes:
        torch_class: the name of the class in torch.
        programs: what it does, for each way in which the network calls it.
        special: the batch sizes at which it does something else, each with the programs of that size.
    """

    torch_class: str
    programs: tuple[Program, ...]
    special: tuple[tuple[int, tuple[Program, ...]], ...]

    def __init__(self, torch_class: str) -> None:
        hold(self, "torch_class", torch_class)
        hold(self, "programs", ())
        hold(self, "special", ())

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in vars(self) and not name.startswith("_pytree__"):
            own = [held for held, x in vars(self).items() if isinstance(x, nnx.Variable | nnx.Module)]
            raise TypeError(
                f"this {self.torch_class} is a traced program, in which setting `{name}` would change nothing: set it "
                "in torch and convert the network again, or put a module of your own in the place of this one"
                + (f". Here only {', '.join(own)} can be set" if own else "")
            )
        if (
            isinstance(vars(self).get(name), Identity)
            and isinstance(value, nnx.Module)
            and not self._calls(name)
        ):
            raise TypeError(
                f"this {self.torch_class} is a traced program, in which torch's Identity `{name}` left nothing to "
                f"replace: put another module there in torch and convert the network again"
            )
        super().__setattr__(name, value)

    def _calls(self, name: str) -> bool:
        steps = (step for program in all_programs(self) for step in program.steps)
        return any(step.op == "call" and step.args[0][0] == name for step in steps)

    def __repr__(self) -> str:
        return describe(self)

    def __str__(self) -> str:  # Flax's has colours
        return describe(self)

    def __call__(self, *inputs: Any) -> Any:
        """What torch's module computes from the same arrays, alone or in tuples.

        Raises:
            ValueError: the network does not call it, calls it in several ways, or with another number of arrays.
        """
        programs, at = self.programs, None
        inputs = tuple(jax.tree.leaves(inputs))
        if self.special and len(programs) == 1 and len(inputs) == programs[0].inputs:
            sizes = [inputs[i].shape[d] if d >= 0 else inputs[i] for _, i, d in programs[0].sizes]
            at = next((size for size, _ in self.special if size in sizes), None)
            programs = programs_at(self, at)
        if len(programs) != 1:
            how = f"in {len(programs)} different ways" if programs else "never"
            size = "" if at is None else f" at batch size {at}"
            raise ValueError(
                f"the network calls this {self.torch_class} {how}{size}, so it cannot be called on its own"
            )
        return run(self, programs[0], inputs, at)


class TorchNetwork(TorchModule):
    """A whole torch network: `jaxconv.from_torch`'s result.

    It is called as torch's is, with arrays in the place of tensors, and returns what torch's returns; a dataclass
    becomes a named tuple.

    Attributes:
        signature: how it is called.
        signatures: how it is called at the batch sizes at which it does something else.
        refused: the batch sizes at which torch could not run it, each with torch's reason.
    """

    signature: Signature
    signatures: tuple[tuple[int, Signature], ...]
    refused: tuple[tuple[int, str], ...]

    def __init__(self, torch_class: str, signature: Signature) -> None:
        super().__init__(torch_class)
        hold(self, "signature", signature)
        hold(self, "signatures", ())
        hold(self, "refused", ())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What torch's network returns.

        Raises:
            ValueError: other arguments than the example's, or a shape that the network was not traced for.
            TypeError: an argument that is no array where the example had a tensor.
        """
        inputs, at = bind(self, args, kwargs)
        signature = signature_at(self, at)
        try:
            results = iter(_run(self, programs_at(self, at)[0], inputs, at))
        except TypeError as error:
            for index, (x, wanted) in enumerate(zip(inputs, signature.arrays, strict=True)):
                if x.dtype.name != wanted:
                    error.add_note(
                        f"array {index} of the network's inputs is {x.dtype}; it was traced with {wanted}"
                    )
            raise
        result = signature.result.build(results)
        for path in signature.updates:
            _store(self, path, next(results))
        return result


def hold(module: TorchModule, name: str, value: Any) -> None:
    """Gives a module an attribute that it has not had: while the network is converted."""
    super(TorchModule, module).__setattr__(name, value)


# A call of a custom Function.
CUSTOM = "custom_function.default"

# A call of torch.cond.
COND = "cond.default"

# What they leave behind goes into the module's own buffers.
NORMS = ("batch_norm.default", "instance_norm.default")


def programs_at(module: TorchModule, size: int | None) -> tuple[Program, ...]:
    """A module's programs at a batch size of its own, or at any other."""
    return module.programs if size is None else dict(module.special).get(size, module.programs)


def all_programs(module: Any) -> tuple[Program, ...]:
    """What a module does at any batch size; nothing if it is none of torch's."""
    special = (program for _, own in getattr(module, "special", ()) for program in own)
    return (*getattr(module, "programs", ()), *special)


def signature_at(network: TorchNetwork, size: int | None) -> Signature:
    """A network's signature at a batch size of its own, or at any other."""
    return network.signature if size is None else dict(network.signatures)[size]


def run(module: TorchModule, program: Program, inputs: Any, at: int | None = None) -> Any:
    """A module's program on its inputs: a bare value, or a tuple of several.

    Args:
        module, program, inputs: what runs.
        at: the batch size at which the network does something else, or None.
    """
    if len(inputs) != program.inputs:
        raise ValueError(f"this {module.torch_class} takes {program.inputs} array(s), got {len(inputs)}")
    results = _run(module, program, [jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in inputs], at)
    return results[0] if len(results) == 1 else results


def _run(module: TorchModule, program: Program, inputs: Any, at: int | None) -> tuple[Any, ...]:
    values = list(inputs)
    sizes = {symbol: values[i].shape[d] if d >= 0 else values[i] for symbol, i, d in program.sizes}

    def value(arg: Any) -> Any:
        if isinstance(arg, tuple):
            return tuple(value(a) for a in arg)
        if isinstance(arg, Ref):
            return values[arg.number]
        if isinstance(arg, Variable):
            found = _holder(module, arg.path)
            return found.get_value() if isinstance(found, nnx.Variable) else found
        if isinstance(arg, Size):
            return evaluate(arg.expression, sizes)
        if isinstance(arg, Mode):
            return not getattr(module, arg.attribute)
        if isinstance(arg, Dtype):
            return ops.dtype(arg.name)
        return arg

    for step in program.steps:
        try:
            values.append(_result(module, step, value, at))
        except Exception as error:
            if step.place and not any(note.startswith(_IN) for note in getattr(error, "__notes__", ())):
                error.add_note(f"{_IN}{step.place}")
            raise
    return tuple(value(arg) for arg in program.outputs)


_IN = "from_torch: in "


def _result(module: TorchModule, step: Instruction, value: Callable[[Any], Any], at: int | None) -> Any:
    """What a step computes."""
    if step.op in NORMS:
        return _norm(module, step, value)
    if step.op == CUSTOM:
        return _custom(module, at, *(value(arg) for arg in step.args))
    if step.op == COND:
        return _cond(module, at, *(value(arg) for arg in step.args))
    if step.op == "call":
        path, which, *args = step.args
        return _call(_holder(module, path), which, [value(arg) for arg in args], at)
    args = [value(arg) for arg in step.args]
    if (function := ops.find(step.op)) is None:
        function, args = ops.find_random(step.op), [_key_of(module, step.op), *args]
    with in_layer(module, None):
        return function(*args, **{name: value(arg) for name, arg in step.kwargs})


def _call(child: Any, which: int, given: list[Any], at: int | None) -> Any:
    """A child's results."""
    if isinstance(child, TorchModule):
        return run(child, programs_at(child, at)[which], given, at)
    if isinstance(child, Draws) and child.rngs is None and child._drawing():
        raise ValueError(_no_random_numbers(type(child).__name__.lower()))
    return call(child, given)


def _custom(module: Any, at: Any, backward: Any, inputs: Any, outputs: Any, residuals: Any) -> Any:
    """A custom Function's results."""
    if isinstance(backward, str):
        return with_backward(refusing(backward), inputs, outputs, residuals)
    program, sizes = backward
    return with_backward(lambda *kept: _run(module, program, (*kept, *sizes), at), inputs, outputs, residuals)


def _cond(module: Any, at: Any, predicate: Any, true: Any, false: Any, operands: Any) -> Any:
    """The results of the branch that a truth value chooses; only this branch is run."""

    def branch(chosen: Any) -> Callable[[Any], Any]:
        (program, sizes), rest = chosen
        return lambda given: tuple(map(jnp.asarray, _run(module, program, (*given, *rest, *sizes), at)))

    return jax.lax.cond(jnp.asarray(predicate).reshape(()) != 0, branch(true), branch(false), operands)


def _holder(module: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        module = getattr(module, name)
    return module


def _store(module: Any, path: tuple[str, ...], value: Any) -> None:
    held = _holder(module, path)
    if isinstance(held, nnx.Variable):
        held.set_value(value)
    else:  # in no state_dict
        setattr(_holder(module, path[:-1]), path[-1], value)


def _norm(module: TorchModule, step: Instruction, value: Any) -> Any:
    """batch_norm and instance_norm: what they leave in the running statistics is kept."""
    x, weight, bias, mean, var, training, momentum, eps = map(value, step.args[:8])
    state = dict(step.kwargs)
    kept = isinstance(step.args[3], Variable) and training
    if kept and "count" in state:
        counter = _holder(module, state["count"].path)
        counter.set_value(counter.get_value() + 1)
        if momentum is None:  # torch's cumulative average
            momentum = 1.0 / counter.get_value().astype(jnp.float32)
    # Without a buffer torch ignores the momentum that the layer has not.
    momentum = 0.0 if momentum is None else momentum
    y, mean, var = ops.normalised(
        step.op.partition(".")[0], x, weight, bias, mean, var, training, momentum, eps
    )
    if kept:
        _store(module, step.args[3].path, mean)
        _store(module, step.args[4].path, var)
    return y


def _key_of(module: Any, op: str) -> Callable[[], jax.Array]:
    """Makes a key where one is needed."""

    def key() -> jax.Array:
        if module.rngs is None:
            raise ValueError(_no_random_numbers(op.partition(".")[0]))
        return module.rngs()

    return key


def _no_random_numbers(name: str) -> str:
    always = name.startswith(("rand", "bernoulli"))
    return (
        f"{name} draws random numbers{'' if always else ' in training mode'}: give from_torch "
        f"`rngs=nnx.Rngs(0)`{'' if always else ', or call .eval()'}"
    )


def supported(op: str) -> bool:
    """Whether there is an operation of that name."""
    return op in (*NORMS, CUSTOM, COND) or ops.find(op) is not None or ops.find_random(op) is not None


def random(op: str) -> bool:
    """Whether an operation may draw random numbers."""
    return ops.find_random(op) is not None


def draws(network: TorchModule, size: int | None) -> bool:
    """Whether a network draws random numbers in its present mode, at a batch size of its own or at any other."""
    for _, module in nnx.iter_modules(network):
        if isinstance(module, Draws) and module._drawing():
            return True
        for program in programs_at(module, size) if isinstance(module, TorchModule) else ():
            for step in program.steps:
                if random(step.op):
                    args = (*step.args, *dict(step.kwargs).values())
                    modes = [getattr(module, arg.attribute) for arg in args if isinstance(arg, Mode)]
                    if not all(modes) or not (modes or any(arg is False for arg in args)):
                        return True
    return False
