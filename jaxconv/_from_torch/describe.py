"""A torch network as text: its layers with their arguments and arrays, and its programs as code."""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

from flax import nnx

from jaxconv._from_torch.program import (
    Array,
    Dtype,
    Instruction,
    Mode,
    Program,
    Ref,
    Signature,
    Size,
    Variable,
)
from jaxconv.nn._module import Module, ParamModule


def describe(module: Any) -> str:
    """Writes a converted module: a line for each layer, and the code of each module with a program of its own."""
    return "\n".join(_lines(module))


def _lines(module: Any) -> Iterator[str]:
    children = {name: child for name, child in vars(module).items() if isinstance(child, nnx.Module)}
    head = _call(module) if isinstance(module, Module | ParamModule) else _name(module)
    codes = [] if _is_chain(module, list(children)) else list(_codes(module))
    if not children and not codes:
        yield head + ("" if head.endswith(")") else "()") + _arrays(module)
        return
    yield f"{head}({_arrays(module)}"
    for name, child in children.items():
        first, *rest = _lines(child)
        yield f"  ({name}): {first}"
        yield from (f"  {line}" for line in rest)
    yield from (f"  {line}" for line in codes)
    yield ")"


def _name(module: Any) -> str:
    return str(getattr(module, "torch_class", type(module).__name__))


def _call(layer: Any) -> str:
    """A layer as it is written: the arguments that differ from the defaults."""
    given = []
    for field in fields(layer):
        value = getattr(layer, field.name, field.default)
        if field.name == "bias" and not isinstance(value, bool):
            value = value is not None
        if field.name in _SILENT or _is_default(value, field.default):
            continue
        bare = field.default is MISSING and field.name.startswith(("in", "out_", "num_", "embedding"))
        given.append(repr(value) if bare else f"{field.name}={value!r}")
    return f"{type(layer).__name__}({', '.join(given)})"


# Modes, and what only matters while a layer is made.
_SILENT = (
    *("param_dtype", "weight_init", "bias_init", "promote_dtype", "rngs", "rng_collection"),
    *("use_running_average", "deterministic"),
)


def _is_default(value: Any, default: Any) -> bool:
    same = isinstance(value, tuple) and not isinstance(default, tuple) and {*value} == {default}
    return same or value is default or (type(value) is type(default) and bool(value == default))


def _arrays(module: Any) -> str:
    """The variables of a module's own, as a comment."""
    held = {name: value for name, value in vars(module).items() if isinstance(value, nnx.Variable)}
    names = [name for name in getattr(module, "_holds", held) if name in held]
    texts = (f"{name}: {_array(held[name][...])}{_frozen(held[name])}" for name in names)
    return f"  # {', '.join(texts)}" if names else ""


def _frozen(variable: Any) -> str:
    return " frozen" if type(variable).__name__ == "FrozenParam" else ""


def _array(array: Any) -> str:
    return f"{array.dtype}[{','.join(map(str, array.shape))}]"


def _is_chain(module: Any, children: list[str]) -> bool:
    """Whether a Sequential calls its children one after the other and does nothing else."""
    programs: tuple[Program, ...] = getattr(module, "programs", ())
    if not hasattr(module, "_order") or len(programs) != 1 or any(own for _, own in module.special):
        return False
    steps, called = programs[0].steps, [name for name in children if not _does_nothing(getattr(module, name))]
    return (
        programs[0].outputs == (Ref(len(steps)),)
        and [step.args[0] for step in steps if step.op == "call"] == [(name,) for name in called]
        and all(step.args[2:] == (Ref(i),) for i, step in enumerate(steps))
    )


def _does_nothing(module: Any) -> bool:
    return _name(module) == "Identity"


def _codes(module: Any) -> Iterator[str]:
    programs, signature = getattr(module, "programs", ()), getattr(module, "signature", None)
    for i, program in enumerate(programs):
        note = f"way {i + 1} of {len(programs)} in which the network calls it" if len(programs) > 1 else ""
        yield from _code(program, signature, note)
    for size, own in getattr(module, "special", ()):
        for program in own:
            yield from _code(program, None, f"at batch size {size}")


def _code(program: Program, signature: Signature | None, note: str) -> Iterator[str]:
    letters = dict(zip((symbol for symbol, _, _ in program.sizes), _LETTERS, strict=False))
    if signature is not None:
        leaves = [leaf for leaf in signature.leaves if isinstance(leaf, Array)]
        shapes = [",".join(str(letters.get(s, s)) for s in leaf.shape) for leaf in leaves]
        typed = [
            f"x{i}: {leaf.dtype}[{shape}]" for i, (leaf, shape) in enumerate(zip(leaves, shapes, strict=True))
        ]
        note = ", ".join(typed)
    inputs = "".join(f", x{i}" for i in range(program.inputs))
    yield f"def __call__(self{inputs}):" + (f"  # {note}" if note else "")
    sizes = {symbol: f"x{i}.shape[{d}]" if d >= 0 else f"x{i}" for symbol, i, d in program.sizes}
    last = program.inputs + len(program.steps) - 1
    for number, step in enumerate(program.steps, program.inputs):
        result = "return" if program.outputs == (Ref(last),) and number == last else f"x{number} ="
        yield f"  {result} {_step(step, sizes)}"
    if program.outputs != (Ref(last),) or not program.steps:
        yield f"  return {', '.join(_argument(output, sizes) for output in program.outputs)}"


_LETTERS = "nmkl"


def _step(step: Instruction, sizes: dict[str, str]) -> str:
    args = [_argument(arg, sizes) for arg in step.args]
    if step.op == "call":
        return f"{_path(step.args[0])}({', '.join(args[2:])})"
    name = step.op.partition(".")[0]
    if name == "getitem":
        return f"{args[0]}[{args[1]}]"
    if name == "custom_function":
        args = args[1:3]
    return f"{name}({', '.join([*args, *(f'{key}={_argument(arg, sizes)}' for key, arg in step.kwargs)])})"


def _argument(arg: Any, sizes: dict[str, str]) -> str:
    match arg:
        case tuple():
            return f"({', '.join(_argument(a, sizes) for a in arg)}{',' * (len(arg) == 1)})"
        case Ref():
            return f"x{arg.number}"
        case Variable():
            return _path(arg.path)
        case Size():
            return _size(arg.expression, sizes)
        case Mode():
            return f"not self.{arg.attribute}"
        case Dtype():
            return arg.name
    return repr(arg)


def _path(path: tuple[str, ...]) -> str:
    return "self" + "".join(f"[{name}]" if name.isdecimal() else f".{name}" for name in path)


def _size(expression: Any, sizes: dict[str, str]) -> str:
    if not isinstance(expression, tuple):
        return sizes.get(expression, str(expression))
    op, *rest = expression
    return f"{op}({', '.join(_size(e, sizes) for e in rest)})"
