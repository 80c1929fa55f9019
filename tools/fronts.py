"""Writes what follows from the declarations of functions and layers: python tools/fronts.py

`__all__` of a file in jaxconv/_functional/ declares functions; jaxconv/functional.py exports them. `__all__` of a file
in jaxconv/_layers/ declares layers; the files of that name in jaxconv/nn/ and jaxconv/linen/ make modules of them. Both
packages export these, and what `__all__` names in their other files, which are written by hand.
"""

import ast
import importlib
import sys
import textwrap
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "jaxconv"

# Which class of a front makes a module of a layer: that of the first class of `_layers` that the layer is derived from.
BASES = [
    ("tracking_norm", "TrackingNorm", "_tracking", "Tracking"),
    ("dropout", "Drawing", "_drawing", "Drawing"),
    ("base", "ParamLayer", "_module", "ParamModule"),
    ("base", "Layer", "_module", "Module"),
]
# For each front the word for it, and what stands before a class.
FRONTS = {"nn": ("NNX", "@dataclass(eq=False, repr=False)\n"), "linen": ("Linen", "")}


def declared(folder: str) -> dict[str, list[str]]:
    """The names in `__all__` of each public file of a folder that has one."""
    found = {}
    for path in sorted((PACKAGE / folder).glob("[!_]*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found[path.stem] = [str(name) for name in ast.literal_eval(node.value)]
    return found


def package(doc: str, folder: str, files: dict[str, list[str]]) -> str:
    """The text of a module that exports what files of a folder declare."""
    lines = [f'"""{doc}"""', "", "# Written by tools/fronts.py.", "# ruff: noqa: I001", "# fmt: off"]
    for stem, names in files.items():
        line = f"from jaxconv.{folder}.{stem} import {', '.join(names)}"
        lines += (
            [line]
            if len(line) <= 110
            else [line[: line.index(" import ")] + " import (", *_packed(names), ")"]
        )
    every = sorted((name for names in files.values() for name in names), key=_order)
    return "\n".join([*lines, "", "__all__ = [", *_packed([f'"{name}"' for name in every]), "]", ""])


def _order(name: str) -> tuple[int, str]:
    """Names in capitals first, then classes, then functions: ruff's order."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def _packed(names: list[str]) -> list[str]:
    return textwrap.wrap(", ".join(names) + ",", 110, initial_indent="    ", subsequent_indent="    ")


def front(folder: str, stem: str, names: list[str]) -> str:
    """The text of a front's file: the layers that a file of `_layers` declares."""
    words, before = FRONTS[folder]
    layers = importlib.import_module(f"jaxconv._layers.{stem}")
    bases = {name: _base(getattr(layers, name)) for name in names}
    imports: dict[str, set[str]] = {}
    for module, base in bases.values():
        imports.setdefault(module, set()).add(base)
    lines = [
        f'"""torch.nn\'s layers of jaxconv/_layers/{stem}.py as {words} modules; written by tools/fronts.py."""',
        "",
    ]
    lines += ["from dataclasses import dataclass", ""] if before else []
    lines += [f"from jaxconv._layers import {stem}"]
    lines += [f"from jaxconv.{folder}.{m} import {', '.join(sorted(imports[m]))}" for m in sorted(imports)]
    for name, (_, base) in bases.items():
        lines += ["", "", f"{before}class {name}({stem}.{name}, {base}):", "    pass"]
    return "\n".join([*lines, ""])


def _base(layer: type) -> tuple[str, str]:
    for stem, name, module, base in BASES:
        if issubclass(layer, getattr(importlib.import_module(f"jaxconv._layers.{stem}"), name)):
            return module, base
    raise TypeError(f"{layer} is no layer")


def written() -> dict[Path, str]:
    """The text of each file that this tool writes."""
    texts = {
        PACKAGE / "functional.py": package(
            "torch.nn.functional's operations, with torch's argument names, order, defaults, layouts and refusals.",
            "_functional",
            declared("_functional"),
        )
    }
    layers = declared("_layers")
    for folder, (words, _) in FRONTS.items():
        texts |= {
            PACKAGE / folder / f"{stem}.py": front(folder, stem, names) for stem, names in layers.items()
        }
        files = dict(sorted((declared(folder) | layers).items()))
        texts[PACKAGE / folder / "__init__.py"] = package(
            f"torch.nn's layers as {words} modules.", folder, files
        )
    return texts


if __name__ == "__main__":
    # Not jaxconv itself, whose `__init__` needs the files that are written here.
    sys.modules["jaxconv"] = types.ModuleType("jaxconv")
    sys.modules["jaxconv"].__path__ = [str(PACKAGE)]
    functional = PACKAGE / "functional.py"
    functional.write_text(package("", "_functional", declared("_functional")))  # `_layers` needs it
    for path, text in written().items():
        path.write_text(text)
