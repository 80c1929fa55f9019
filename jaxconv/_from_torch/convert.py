"""From a torch network to an NNX module: the tree of modules, what they hold, and what they do."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import jax
import numpy as np
from flax import nnx

from jaxconv._files import as_numpy, to_torch
from jaxconv._from_torch.containers import empty
from jaxconv._from_torch.dynamic import checked, labels
from jaxconv._from_torch.exported import Exported, exported_with_records
from jaxconv._from_torch.frames import Path, Step, build
from jaxconv._from_torch.layers import layer_of
from jaxconv._from_torch.module import TorchNetwork, hold, random, supported
from jaxconv._from_torch.names import where
from jaxconv._from_torch.program import Mode, Program, Ref
from jaxconv._from_torch.traced import Trace, same
from jaxconv._given import refuse_key, shown
from jaxconv.nn.frozen import FrozenParam


def from_torch(
    module: Any,
    example_input: Any,
    example_kwargs: dict[str, Any] | None = None,
    *,
    dynamic: Mapping[str, Mapping[int, str]] | None = None,
    rngs: Any = None,
    strict: bool = False,
    check: bool = True,
    ignore_hooks: bool = False,
) -> TorchNetwork:
    """A torch network as an NNX module with torch's parameter names, layouts and values.

    torch.export traces what the network computes; each of its operations becomes one in JAX. The result holds no
    torch and needs none: it can be trained, edited by `jaxconv.surgery`, jitted, exported and pickled. `module` itself
    is not changed.

    torch.nn's own modules become jaxconv's layers, where the network calls them with their own arguments:
    `model.bn.eps` is read and changed as in torch. Every other module that torch calls is one here, too, under the same
    name, with a program of its own: `model.layer1` can be called by itself, or be replaced by any module that takes the
    same arrays. `print(model)` shows layers and programs. Containers are indexed as in torch.
    A program is fixed: setting an attribute that it does not read is a TypeError. An error inside has a note with the
    layer's name and the line of torch's source.

    `model.train()` and `model.eval()` switch batch norms, instance norms and dropout; at first each is in the mode that
    it has in torch. In training mode the running statistics are updated, as in torch. The rest of the network's Python
    code, `if self.training` too, has been run once and is fixed.

    Gradients are torch's. A custom torch.autograd.Function keeps its backward; one whose backward cannot be traced
    raises, by its name and place, when the result is differentiated. Parameters with `requires_grad=False` are
    `jaxconv.FrozenParam`, which Flax does not train.

    The batch, the first dimension of every tensor in the example, may have any size later, if torch's code allows it;
    all other sizes are the example's, but for those in `dynamic`. Numbers, strings and None among the arguments are
    fixed. Torch's code may compare the batch size (`if x.shape[0] > 1`): the network is traced once more for the batch
    sizes 1 and 0, and refuses other sizes at which such a comparison has another result than in the trace.

    The result is called once on the example and compared with torch: see `check`.

    Args:
        module: a torch.nn.Module.
        example_input: a tensor or an array, or a tuple: the positional arguments. Their values matter to `check` only.
        example_kwargs: the keyword arguments.
        dynamic: the sizes other than the batch that may differ later: for a parameter of `forward` its dimensions with
            names for messages, `{"x": {2: "h", 3: "w"}}`. Sizes at which torch's code would do something else are
            refused in the call, with the condition that they break.
        rngs: for dropout and other random operations: nnx.Rngs; its stream 'dropout', or the default one. Without it
            random operations are refused when they are run.
        strict: torch.export's argument: whether Python code is analysed and not just run.
        check: whether to call both networks on the example, forward, and refuse a result that rounding does not
            explain. A network that draws random numbers is not compared. One whose code does not run in a
            dispatch mode is not either, and a warning says so.
        ignore_hooks: whether to leave backward hooks out, which are refused otherwise: for hooks that only watch, and
            for a network that needs no gradients.

    Returns:
        A module that is called as torch's is, and returns what torch's returns, with arrays for tensors. A dataclass
        or a ModelOutput becomes a named tuple or a dict. Writing to an input in place does not change the caller's
        array.

    Raises:
        NotImplementedError: the network has operations that are not covered: all of them, and where they are.
        ValueError: torch.export cannot trace it, its code fixes a size that is in `dynamic`, it has backward hooks, a
            float64 parameter while JAX's 64-bit types are off, or another result than torch's on the example.
        TypeError: `module` is not a torch.nn.Module, or `example_input` holds a JAX array of a dtype torch has not.
        ImportError: torch is not installed.
    """
    try:
        import torch
    except ImportError:
        raise ImportError(
            "from_torch needs torch to read the network: pip install torch. The converted network does not need it"
        ) from None

    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"`module` must be a torch.nn.Module, got {shown(module)}")
    if rngs is not None and not isinstance(rngs, nnx.Rngs):
        raise TypeError(f"`rngs` must be nnx.Rngs, got {shown(rngs)}")
    args, kwargs = as_tensors(example_input, example_kwargs)
    with exported_with_records(module, args, kwargs, dynamic, strict, ignore_hooks) as exported:
        return _converted(module, exported, args, kwargs, dynamic, rngs, check)


def _converted(
    module: Any,
    exported: Exported,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    dynamic: Any,
    rngs: Any,
    check: bool,
) -> TorchNetwork:
    from jaxconv._from_torch.check import check_example
    from jaxconv._from_torch.trace import trace

    traced = trace(module, exported.program, _array)
    traced.signature = replace(traced.signature, labels=exported.labels)
    special: dict[int, Trace] = {}
    for size, program in exported.special.items():
        own = trace(module, program, _array)
        own.signature = replace(
            own.signature, labels=labels(module, program, checked(module, args, kwargs, dynamic))
        )
        if same(traced, own, size):
            traced.signature = replace(traced.signature, same_at=(*traced.signature.same_at, size))
        else:
            special[size] = own
    _check_covered(type(module).__name__, [s for t in (traced, *special.values()) for s in t.steps])
    network: Any = empty(module, traced.signature)
    network.signatures = tuple((size, own.signature) for size, own in special.items())
    network.refused = tuple(exported.refused.items())
    nodes = _fill(network, module)
    for size, own in special.items():
        own.rename_constants(f"_at_batch_size_{size}")
    for own in (traced, *special.values()):
        for path, constant in own.constants.items():
            _set(nodes, path, nnx.data(constant))
    programs = build(traced.steps, traced.inputs, traced.outputs, traced.aliases)
    programs_at = {
        size: build(own.steps, own.inputs, own.outputs, own.aliases) for size, own in special.items()
    }
    for path, child in _by_first_name(module).items():
        at = tuple(
            (size, tuple(own.get(path, ())))
            for size, own in programs_at.items()
            if _unsized(own, path) != _unsized(programs, path)
        )
        _give(nodes, path, tuple(programs.get(path, ())), at, child, rngs)
    if check:
        check_example(module, network, args, kwargs)
    return network


def _unsized(programs: dict[Path, list[Program]], path: Path) -> list[Program]:
    """A module's programs without the places of the sizes that none of their steps use."""
    return [replace(program, sizes=()) for program in programs.get(path, [])]


def as_tensors(example_input: Any, example_kwargs: dict[str, Any] | None) -> tuple[Any, dict[str, Any]]:
    """An example's positional and keyword arguments, with tensors in the place of arrays."""
    args = example_input if isinstance(example_input, tuple) else (example_input,)
    args, kwargs = jax.tree.map(_tensor, (args, example_kwargs or {}))
    return args, kwargs


def _tensor(leaf: Any) -> Any:
    refuse_key("example_input", leaf)
    if isinstance(leaf, jax.Array | np.ndarray | np.generic):
        return to_torch({"example_input": np.asarray(leaf)})["example_input"]
    return leaf


def _array(tensor: Any) -> jax.Array:
    """A parameter's value in memory of its own. 64-bit integers are 32-bit ones while JAX's 64-bit types are off."""
    array = as_numpy(tensor)
    kind = jax.dtypes.canonicalize_dtype(array.dtype)
    if kind != array.dtype and array.dtype.kind not in "iu":
        raise ValueError(
            f"the network holds {array.dtype} arrays, which need jax.config.update('jax_enable_x64', True)"
        )
    # jnp.array would have XLA compile a copy for every shape.
    return jax.device_put(np.array(array, kind, copy=True))


def _check_covered(network: str, steps: Iterable[Step]) -> None:
    """Reports every operation that is not covered, before anything runs."""
    missing = [step for step in steps if not supported(step.op)]
    if not missing:
        return
    lines = [f"  {line}" for line in where(missing)]
    raise NotImplementedError(
        f"{network} has {len(lines)} operation(s) that from_torch does not cover:\n" + "\n".join(lines)
    )


def _fill(network: Any, module: Any) -> dict[Path, Any]:
    """Gives `network` torch's tree of modules, parameters and buffers; shared ones are shared here, too."""
    nodes: dict[Path, Any] = {(): network}
    made: dict[int, Any] = {id(module): network}
    variables: dict[int, nnx.Variable] = {}
    # Parents come before their children here.
    for name, child in module.named_modules(remove_duplicate=False):
        path = tuple(name.split(".")) if name else ()
        if id(child) not in made:
            made[id(child)] = empty(child)
            if not list(child.children()) and type(child).__name__ in ("Identity", "Sequential"):
                made[id(child)].programs = (_NOTHING,)
        node = nodes[path] = made[id(child)]
        if path:
            _set(nodes, path, node)
        transient = child._non_persistent_buffers_set
        held: list[Any] = [
            (n, p, nnx.Param if p is None or p.requires_grad else FrozenParam)
            for n, p in child._parameters.items()
        ]
        held += [(n, b, nnx.BatchStat) for n, b in child._buffers.items() if n not in transient]
        for own, tensor, kind in held:
            if tensor is not None and not hasattr(node, own):
                variable = variables.get(id(tensor))
                variables[id(tensor)] = variable = variable if variable is not None else kind(_array(tensor))
                hold(node, own, variable)
    return nodes


def _set(nodes: dict[Path, Any], path: Path, value: Any) -> None:
    parent = nodes[path[:-1]]
    if hasattr(type(parent), path[-1]) or path[-1] in _RESERVED:
        raise ValueError(
            f"the attribute {'.'.join(path)!r} has a name that Flax's modules use: rename it in torch"
        )
    hold(parent, path[-1], value)


_RESERVED = (
    "torch_class",
    "programs",
    "special",
    "signature",
    "signatures",
    "refused",
    "rngs",
    "deterministic",
    "use_running_average",
)
_NOTHING = Program(1, (), (), (Ref(0),))


def _by_first_name(module: Any) -> dict[Path, Any]:
    """A network's modules; a shared one by its first name."""
    return {tuple(name.split(".")) if name else (): child for name, child in module.named_modules()}


def _give(
    nodes: dict[Path, Any],
    path: Path,
    programs: tuple[Program, ...],
    special: tuple[tuple[int, tuple[Program, ...]], ...],
    module: Any,
    rngs: Any,
) -> None:
    """Gives a module its programs and what they need: its mode, and random numbers; or puts a layer in its place."""
    node = nodes[path]
    steps = [step for own in (programs, *dict(special).values()) for program in own for step in program.steps]
    draws = any(random(step.op) for step in steps)
    stream = None if rngs is None or not draws else rngs["dropout"].fork()
    held = {name: value for name, value in vars(node).items() if isinstance(value, nnx.Variable)}
    more = any(isinstance(value, jax.Array | nnx.Module) for value in vars(node).values())
    same = not any(own for _, own in special)  # at the batch sizes at which the module is called at all
    if path and same and not more and (layer := layer_of(module, held, programs, stream)) is not None:
        for at in [at for at, other in nodes.items() if other is node]:
            nodes[at] = layer
            _set(nodes, at, layer)
        return
    node.programs, node.special = programs or node.programs, special
    for step in steps:
        for arg in (*step.args, *dict(step.kwargs).values()):
            if isinstance(arg, Mode):
                hold(node, arg.attribute, not module.training)
    if draws:
        hold(node, "rngs", nnx.data(stream))
