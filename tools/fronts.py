"""Writes what follows from the declarations of functions and layers: python tools/fronts.py

`__all__` of a file in jaxconv/_functional/ declares functions; jaxconv/functional.py exports them. `__all__` of a file
in jaxconv/_layers/ declares layers; jaxconv/nn/layers.py and jaxconv/linen/layers.py make modules of them. Both
packages export these, and what `__all__` names in their other files, which are written by hand. At the end stubs.py
writes the types of the layers.
"""

import ast
import importlib
import subprocess
import sys
import textwrap
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "jaxconv"

# Which class of a front makes a module of a layer: the first that the front has for a base class of the layer. File and
# class in `_layers`, file and class in the front.
BASES = [
    ("_loss", "WeightedLoss", "_loss", "WeightedLoss"),
    ("tracking_norm", "TrackingNorm", "_tracking", "Tracking"),
    ("dropout", "Drawing", "_drawing", "Drawing"),
    ("recurrent", "Recurrent", "_recurrent", "Recurrent"),
    ("base", "ParamLayer", "_module", "ParamModule"),
    ("base", "Layer", "_module", "Module"),
]
# What functional.py also has: the examples in its docstrings.
_EXAMPLES = (
    "from jaxconv._examples import document as _document\n"
    "from jaxconv._examples.functional import FUNCTIONAL as _FUNCTIONAL",
    "\n_document(globals(), _FUNCTIONAL)\n",
)
# For each front the word for it, and what stands before a class.
FRONTS = {"nn": ("NNX", ["@dataclass(eq=False, repr=False)"]), "linen": ("Linen", [])}


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
    lines = [*_head(doc), *(line for stem in files for line in _import(f"{folder}.{stem}", files[stem]))]
    every = sorted((name for names in files.values() for name in names), key=_order)
    if twice := {name for name in every if every.count(name) > 1}:
        raise ValueError(f"{', '.join(twice)}: declared in two files of jaxconv/{folder}/")
    return "\n".join([*lines, "", "__all__ = [", *_packed([f'"{name}"' for name in every]), "]", ""])


def _head(doc: str) -> list[str]:
    return [f'"""{doc}"""', "", "# Written by tools/fronts.py.", "# ruff: noqa: I001", "# fmt: off"]


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from jaxconv.{module} import {', '.join(names)}"
    return [line] if len(line) <= 110 else [f"from jaxconv.{module} import (", *_packed(names), ")"]


def _order(name: str) -> tuple[int, str]:
    """Names in capitals first, then classes, then functions: ruff's order."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def _packed(names: list[str]) -> list[str]:
    return textwrap.wrap(", ".join(names) + ",", 110, initial_indent="    ", subsequent_indent="    ")


def front(folder: str, layers: dict[str, list[str]]) -> str:
    """The text of a front's layers.py."""
    words, before = FRONTS[folder]
    classes, imports = [], dict[str, set[str]]()
    for stem, names in layers.items():
        declaring = importlib.import_module(f"jaxconv._layers.{stem}")
        for name in names:
            module, base = _base(folder, getattr(declaring, name))
            imports.setdefault(module, set()).add(base)
            classes += [*before, f"class {name}({stem}.{name}, {base}): ..."]
    lines = _head(f"torch.nn's layers as {words} modules, as jaxconv/_layers/ declares them.")
    # Without the decorator, mypy takes the annotations of every base for fields.
    lines += ["from dataclasses import dataclass", ""] if before else ["# mypy: disable-error-code=misc"]
    lines += _import("_layers", list(layers))
    lines += [line for m in sorted(imports) for line in _import(f"{folder}.{m}", sorted(imports[m]))]
    return "\n".join([*lines, "", "", *classes, ""])


def _base(folder: str, layer: type) -> tuple[str, str]:
    for stem, name, module, base in BASES:
        fronted = getattr(importlib.import_module(f"jaxconv._layers.{stem}"), name)
        if issubclass(layer, fronted) and (PACKAGE / folder / f"{module}.py").exists():
            return module, base
    raise TypeError(f"{layer} is no layer")


def written() -> dict[Path, str]:
    """The text of each file that this tool writes."""
    texts = {
        PACKAGE / "functional.py": package(
            "torch.nn.functional's operations, with torch's argument names, order, defaults, layouts and refusals.",
            "_functional",
            declared("_functional"),
        ).replace("from jaxconv._functional", f"{_EXAMPLES[0]}\nfrom jaxconv._functional", 1)
        + _EXAMPLES[1]
    }
    layers = declared("_layers")
    for folder, (words, _) in FRONTS.items():
        texts[PACKAGE / folder / "layers.py"] = front(folder, layers)
        made = {"layers": sorted((name for names in layers.values() for name in names), key=_order)}
        files = dict(sorted((declared(folder) | made).items()))
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
    subprocess.run([sys.executable, Path(__file__).with_name("stubs.py")], check=True)
