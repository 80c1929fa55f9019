"""Writes what type checkers and editors read of the layers, jaxconv/nn/__init__.pyi and jaxconv/linen/__init__.pyi.

A layer's constructor, attributes and parameters are made when it is imported, and a layer such as MaxPool2d returns
another type if it is given `return_indices=True`. A stub says both. `tools/fronts.py` runs this file at its end:

python tools/stubs.py
"""

import dataclasses
import importlib
import inspect
import sys
import types
import typing
from pathlib import Path
from typing import Any

import jax
from flax import linen, nnx

ROOT = Path(__file__).resolve().parents[1]

_HEAD = '''"""torch.nn's layers as {words} modules, as type checkers see them."""

# Written by tools/stubs.py.
# ruff: noqa
# fmt: off
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Literal, Self, overload

import jax
from flax import linen, nnx
from flax.typing import Dtype, Initializer, PrecisionLike, PromoteDtypeFn
from typing_extensions import TypeVar

from jaxconv._types import (
    {types}
)
from jaxconv.{folder}.containers import ModuleDict as ModuleDict, ModuleList as ModuleList, Sequential as Sequential

T = TypeVar("T")
Out = TypeVar("Out", default=jax.Array)
Array = jax.Array
'''

_PAIR = jax.Array | tuple[jax.Array, jax.Array]
_OWN = importlib.import_module("jaxconv._types")
_NAMES = sorted(
    name
    for name in vars(_OWN)
    if name[0].isupper() and name not in ("Any", "Literal", "Sequence", "TypeAliasType")
)
# By the position of a type's parts: flax.typing's unions have no name at run time.
_ALIASES = {
    name: getattr(importlib.import_module("flax.typing"), name)
    for name in ("Dtype", "Initializer", "PrecisionLike")
}
_LITERALS = {name: getattr(_OWN, name) for name in _NAMES}
_HELD = ("nnx.Variable[Array]", "nnx.Variable[Array] | None")
_OFF = ("affine", "elementwise_affine")
_ATTRIBUTES_GONE = ("weight_init", "bias_init", "rngs", "weight_metadata", "bias_metadata")


def annotation(kind: Any) -> str:
    """The text of a type."""
    for name, value in _ALIASES.items():
        if kind is value or kind == value:
            return name
        if kind == typing.Optional[value]:  # noqa: UP045
            return f"{name} | None"
    if isinstance(kind, dataclasses.InitVar):
        return annotation(kind.type)
    if isinstance(kind, typing.TypeVar):
        return kind.__name__
    if kind is jax.Array:
        return "Array"
    if kind is type(None) or kind is None:
        return "None"
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return str(kind).replace("typing.", "")
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(annotation, arguments)))
    if origin is not None and origin.__name__ == "Callable":
        return f"Callable[[{', '.join(map(annotation, arguments[0]))}], {annotation(arguments[1])}]"
    if origin is not None:
        return f"{origin.__name__}[{', '.join('...' if a is ... else annotation(a) for a in arguments)}]"
    if kind in (nnx.Rngs, nnx.RngStream, linen.Module):
        return f"{'linen' if kind is linen.Module else 'nnx'}.{kind.__name__}"
    return str(kind.__name__)


def parameter(p: inspect.Parameter) -> str:
    """The text of a parameter; a default that is a literal is shown."""
    text = f"{p.name}: {annotation(p.annotation)}"
    if p.default is p.empty:
        return text
    shown = isinstance(p.default, bool | int | float | str | None)
    return f"{text} = {p.default!r}" if shown else f"{text} = ..."


def parameters(given: list[inspect.Parameter]) -> str:
    """The text of a method's parameters, with the star before those that are keywords."""
    texts, starred = ["self"], False
    for p in given:
        if p.kind is p.KEYWORD_ONLY and not starred:
            texts, starred = [*texts, "*"], True
        texts.append(parameter(p))
    return ", ".join(texts)


def draws(kind: type) -> bool:
    """Whether an NNX layer cannot be made without `rngs`."""
    base = importlib.import_module("jaxconv._layers.base").ParamLayer
    names = ("AnyConv", "Linear", "Bilinear", "Table", "Recurrent", "RecurrentCell")
    return issubclass(kind, base) and any(b.__name__ in names for b in kind.__mro__)


def held(kind: Any) -> dict[str, str]:
    """The parameters and buffers of a layer, and their types."""
    names = getattr(kind, "_holds", ())
    if isinstance(names, property):
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    fields = {f.name for f in dataclasses.fields(kind)}
    may_be_off = not fields.isdisjoint(_OFF) or "reduction" in fields
    return {name: _HELD[may_be_off or name.startswith("bias")] for name in names}


def constructor(folder: str, kind: Any) -> list[inspect.Parameter]:
    """The parameters of `__init__` as a user gives them."""
    given = list(inspect.signature(kind).parameters.values())
    if folder == "nn" and draws(kind):
        given = [p.replace(default=p.empty, annotation=nnx.Rngs) if p.name == "rngs" else p for p in given]
    if folder == "linen":
        scope = {"parent": linen.Module | None, "name": str | None}
        given = [
            p.replace(annotation=scope[p.name], kind=p.KEYWORD_ONLY) if p.name in scope else p for p in given
        ]
        given.sort(key=lambda p: p.kind)
    return given


def layer(folder: str, name: str, kind: Any) -> list[str]:
    """The lines of a class."""
    base = "nnx.Module" if folder == "nn" else "linen.Module"
    call = inspect.signature(kind.__call__)
    result, given = call.return_annotation, constructor(folder, kind)
    arguments = list(call.parameters.values())[1:]
    summary = (kind.__doc__ or "").partition("\n")[0]
    lines = [f"class {name}({base}{', Generic[Out]' if result == _PAIR else ''}):", f'    """{summary}"""']
    if name == "Identity":
        given = [inspect.Parameter("args", inspect.Parameter.VAR_POSITIONAL)]
        lines.append("    def __init__(self, *args: Any, **kwargs: Any) -> None: ...")
    attributes = {
        f.name: annotation(f.type)
        for f in dataclasses.fields(kind)
        if f.name not in (*_ATTRIBUTES_GONE, "parent", "name")
    }
    if folder == "nn":
        attributes |= held(kind)
    lines += [f"    {attribute}: {text}" for attribute, text in attributes.items()]
    if name != "Identity":
        lines += (
            inits(name, given) if result == _PAIR else [f"    def __init__({parameters(given)}) -> None: ..."]
        )
    returned = "Out" if result == _PAIR else annotation(result)
    lines.append(f"    def __call__({parameters(arguments)}) -> {returned}: ...")
    if folder == "nn" and hasattr(kind, "from_pretrained"):
        table = inspect.signature(kind.from_pretrained)
        text = parameters(list(table.parameters.values())).replace("self", "cls", 1)
        lines += ["    @classmethod", f"    def from_pretrained({text}) -> Self: ..."]
    return lines


def inits(name: str, given: list[inspect.Parameter]) -> list[str]:
    """Constructors that choose the type of the output by `return_indices`."""
    lines = []
    for returns, output in (("False", "Array"), ("True", "tuple[Array, Array]")):
        text = parameters(given).replace("self", f"self: {name}[{output}]", 1)
        if returns == "False":
            text = text.replace("return_indices: bool", "return_indices: Literal[False]")
        else:  # what stands before has defaults
            head, _, tail = text.partition("return_indices: bool = False")
            text = f"{head}*, return_indices: Literal[True]{tail.replace(', *', '')}"
        lines += ["    @overload", f"    def __init__({text}) -> None: ..."]
    return lines


def stub(folder: str, words: str) -> str:
    """The text of a front's stub."""
    front = importlib.import_module(f"jaxconv.{folder}")
    containers = ("ModuleDict", "ModuleList", "Sequential")
    lines = [_HEAD.format(words=words, folder=folder, types=", ".join(_NAMES))]
    for name in front.__all__:
        if name not in containers:
            lines += [*layer(folder, name, getattr(front, name)), ""]
    return "\n".join([*lines, f"__all__ = {list(front.__all__)!r}", ""])


def written() -> dict[Path, str]:
    """The text of each file that this tool writes."""
    return {
        ROOT / "jaxconv" / folder / "__init__.pyi": stub(folder, words)
        for folder, words in {"nn": "NNX", "linen": "Linen"}.items()
    }


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    for path, text in written().items():
        path.write_text(text)
