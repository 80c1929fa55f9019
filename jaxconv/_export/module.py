"""A torch network as an NNX module: torch's tree of names, and a program for every module that torch called."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv._export import ops
from jaxconv._export.program import (
    Array,
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


class TorchModule(nnx.Module):
    """A module of a torch network: its parameters, buffers and child modules have torch's names.

    It may be called on its own, with the arrays that torch's module takes out of the network, in the order in which
    it first uses them. Any module with the same inputs may stand in its place: `model.fc = jaxconv.Linear(...)`.

    `model.train()` and `model.eval()` switch batch norms and dropout.

    Attributes:
        torch_class: the name of the class in torch.
        programs: what it does, for each way in which the network calls it.
    """

    def __init__(self, torch_class: str) -> None:
        self.torch_class = torch_class
        self.programs: tuple[Program, ...] = ()

    def __call__(self, *inputs: Any) -> Any:
        """What torch's module computes from the same arrays.

        Raises:
            ValueError: the network does not call it, calls it in several ways, or with another number of arrays.
        """
        if len(self.programs) != 1:
            how = f"in {len(self.programs)} different ways" if self.programs else "never"
            raise ValueError(
                f"the network calls this {self.torch_class} {how}, so it cannot be called on its own"
            )
        return run(self, self.programs[0], inputs)


class TorchNetwork(TorchModule):
    """A whole torch network: `jaxconv.from_torch`'s result.

    It is called as torch's is, with arrays in the place of tensors, and returns what torch's returns; a dataclass
    becomes a named tuple.

    Attributes:
        signature: how it is called.
    """

    def __init__(self, torch_class: str, signature: Signature) -> None:
        super().__init__(torch_class)
        self.signature = signature

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What torch's network returns.

        Raises:
            ValueError: other arguments than the example's, or a shape that the network was not traced for.
            TypeError: an argument that is no array where the example had a tensor.
        """
        inputs = _bind(self.signature, args, kwargs)
        try:
            results = iter(_run(self, self.programs[0], inputs))
        except TypeError as error:
            for index, (x, wanted) in enumerate(zip(inputs, self.signature.arrays, strict=True)):
                if x.dtype.name != wanted:
                    error.add_note(
                        f"array {index} of the network's inputs is {x.dtype}; it was traced with {wanted}"
                    )
            raise
        result = self.signature.result.build(results)
        for path in self.signature.updates:
            _store(self, path, next(results))
        return result


# What they leave behind goes into the module's own buffers.
NORMS = ("batch_norm.default", "instance_norm.default")


def run(module: TorchModule, program: Program, inputs: Any) -> Any:
    """A module's program on its inputs: a bare value, or a tuple of several."""
    if len(inputs) != program.inputs:
        raise ValueError(f"this {module.torch_class} takes {program.inputs} array(s), got {len(inputs)}")
    results = _run(module, program, [jnp.asarray(x) if isinstance(x, np.ndarray) else x for x in inputs])
    return results[0] if len(results) == 1 else results


def _run(module: TorchModule, program: Program, inputs: Any) -> tuple[Any, ...]:
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
        if step.op == "call":
            path, which, *args = step.args
            child = _holder(module, path)
            given = [value(arg) for arg in args]
            values.append(
                run(child, child.programs[which], given) if isinstance(child, TorchModule) else child(*given)
            )
        elif step.op in NORMS:
            values.append(_norm(module, step, value))
        else:
            args = [value(arg) for arg in step.args]
            if (function := ops.find(step.op)) is None:
                function, args = ops.find_random(step.op), [_key_of(module, step.op), *args]
            values.append(function(*args, **{name: value(arg) for name, arg in step.kwargs}))
    return tuple(value(arg) for arg in program.outputs)


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


def _bind(signature: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arrays among the arguments, checked against the example's."""
    count = len(signature.args.children)
    kwargs = dict(kwargs)
    if len(args) < count:  # the rest by name
        args += tuple(kwargs.pop(name) for name in signature.names[len(args) : count] if name in kwargs)
    given = [
        *signature.args.leaves(args, "inputs"),
        *signature.kwargs.leaves(kwargs, "kwargs"),
    ]
    arrays: list[Any] = []
    sizes: dict[str, int] = {}
    for (name, value), wanted in zip(given, signature.leaves, strict=True):
        if not isinstance(wanted, Array):
            if (
                isinstance(value, jax.Array | np.ndarray)
                or value != wanted
                or type(value) is not type(wanted)
            ):
                raise ValueError(f"`{name}` is the example's {wanted!r} in every call, got {value!r}")
            continue
        arrays.append(_array(name, value, wanted, sizes))
    for symbol, low, high in signature.ranges:
        size = sizes.get(symbol, low)
        if size is not None and ((low is not None and size < low) or (high is not None and size > high)):
            raise ValueError(
                f"the network was traced for batch sizes from {low} to {'any' if high is None else high}, got {size}"
            )
    return arrays


def _array(name: str, value: Any, wanted: Array, sizes: dict[str, int]) -> jax.Array:
    if not isinstance(value, jax.Array | np.ndarray | np.generic) and not hasattr(value, "__jax_array__"):
        kind = f"{type(value).__module__}.{type(value).__name__}"
        raise TypeError(f"`{name}` must be an array, got {kind}")
    array = jnp.asarray(value)
    fits = array.ndim == len(wanted.shape)
    for got, size in zip(array.shape, wanted.shape, strict=False):
        fits &= got == (size if isinstance(size, int) else sizes.setdefault(size, got))
    if not fits:
        shape = ", ".join(map(str, wanted.shape))
        raise ValueError(
            f"the network was traced for `{name}` of shape ({shape}), got shape {array.shape}"
            + (
                ""
                if any(isinstance(s, str) for s in wanted.shape)
                else "; torch's code has fixed these sizes"
            )
        )
    return array


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
            name = op.partition(".")[0]
            always = name.startswith(("rand", "bernoulli"))
            raise ValueError(
                f"{name} draws random numbers{'' if always else ' in training mode'}: give from_torch "
                f"`rngs=nnx.Rngs(0)`{'' if always else ', or call .eval()'}"
            )
        return module.rngs()

    return key


def supported(op: str) -> bool:
    """Whether there is an operation of that name."""
    return op in NORMS or ops.find(op) is not None or ops.find_random(op) is not None


def random(op: str) -> bool:
    """Whether an operation may draw random numbers."""
    return ops.find_random(op) is not None
