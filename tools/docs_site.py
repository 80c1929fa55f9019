"""What MkDocs does not do by itself for the site of `make docs`: a hook of mkdocs.yml.

The pages in docs/ are read in the repository, too. So their links to files outside of docs/ stay as they are, and this
hook brings these files into the site. It also writes the API reference: a page for each family of layers, with its
functionals, and one for each public module.
"""

import ast
import importlib
import re
import types
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}

# tests/jaxconv/test_examples.py gives the examples these names.
IMPORTS = [
    "import jax",
    "import jax.numpy as jnp",
    "import jaxconv",
    "import jaxconv.functional as F",
    "import numpy as np",
    "import parity",
    "import torch",
    "from flax import nnx",
    "from jaxconv import init, surgery",
]

MODULES = {
    "jaxconv": "Weights, networks and speed",
    "jaxconv.init": "Initialisers",
    "jaxconv.surgery": "Changing parameters",
    "jaxconv.extend": "Convolutions in other words",
    "parity": "parity",
}
FAMILIES = {
    "conv": "Convolutions",
    "conv_transpose": "Transposed convolutions",
    "pooling": "Max pooling",
    "avg_pooling": "Average pooling",
    "adaptive_pooling": "Adaptive pooling",
    "unpooling": "Max unpooling",
    "tracking_norm": "Batch and instance normalisation",
    "norm": "Group, layer and RMS normalisation",
    "normalize": "Local response normalisation",
    "linear": "Linear layers",
    "recurrent": "Recurrent layers",
    "recurrent_cell": "Recurrent cells",
    "embedding": "Embeddings",
    "embedding_bag": "Bags of embeddings",
    "dropout": "Dropout",
    "activation": "Activations",
    "prelu": "PReLU",
    "glu": "GLU",
    "softmax": "Softmax",
    "loss": "Losses of numbers",
    "binary_loss": "Losses of two classes",
    "classification_loss": "Losses of classes",
    "margin_loss": "Losses with a margin",
    "embedding_loss": "Losses of embeddings",
    "padding": "Padding",
    "fold": "Fold and unfold",
    "shuffle": "Shuffling channels",
    "interpolate": "Resizing",
    "shape": "Flatten and unflatten",
    "identity": "Identity",
    "lazy": "Lazy layers",
    "containers": "Containers",
}


def declared(path: str) -> dict[str, list[str]]:
    """The names in `__all__` of each public file of a folder."""
    found = {}
    for file in sorted((ROOT / path).glob("[!_]*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                found[file.stem] = [str(name) for name in ast.literal_eval(node.value)]
    return found


def reference() -> dict[str, str]:
    """The pages of the API reference: path and text."""
    layers, functions, handwritten = (
        declared("jaxconv/_layers"),
        declared("jaxconv/_functional"),
        declared("jaxconv/nn"),
    )
    handwritten.pop("layers", None)
    left = set(layers | functions | handwritten) - set(FAMILIES)
    if left:
        raise ValueError(f"{', '.join(sorted(left))}: give the family a title in tools/docs_site.py")
    pages = {}
    for stem, title in FAMILIES.items():
        names = layers.get(stem, []) + handwritten.get(stem, [])
        lines = [f"# {title}", ""]
        if names:
            lines += ["Each class is in `jaxconv.linen` under the same name, without `rngs`.", ""]
        lines += [f"::: jaxconv.nn.{name}\n" for name in names]
        lines += [f"::: jaxconv.functional.{name}\n" for name in functions.get(stem, [])]
        pages[f"api/{stem}.md"] = "\n".join(lines)
    for module, title in MODULES.items():
        pages[f"api/{module}.md"] = "\n".join([f"# {title}", "", *public(module)])
    index = [
        "# API reference",
        "",
        "The examples begin with these lines:",
        "",
        "```python",
        *IMPORTS,
        "```",
        "",
    ]
    index += ["| page | names |", "|---|---|"]
    for path, text in pages.items():
        names = re.findall(
            r"^(?::::|      heading:) (?:jaxconv\.nn\.)?(?!parity\._|parity\.suite)(\S+)", text, re.MULTILINE
        )
        title = text.partition("\n")[0].removeprefix("# ")
        index.append(
            f"| [{title}]({path.removeprefix('api/')}) | {', '.join(f'`{name}`' for name in names)} |"
        )
    return {"api/index.md": "\n".join(index) + "\n", **pages}


def public(module: str) -> list[str]:
    """The directives for what a module exports, without layers and modules, which have pages of their own."""
    found = importlib.import_module(module)
    layers = set(importlib.import_module("jaxconv.nn").__all__)
    if module == "parity":  # its names are imported when they are first used
        options = "    options:\n      force_inspection: false\n      members: true\n      filters: ['!^_']\n"
        homes = vars(found)["_HOMES"]
        return [f"::: {homes[n]}.{n}\n{options}      heading: parity.{n}\n" for n in found.__all__]
    names = [name for name in found.__all__ if name not in layers]
    return [f"::: {module}.{n}\n" for n in names if not isinstance(getattr(found, n), types.ModuleType)]


def outside() -> dict[str, Path]:
    """The files outside of docs/ to which pages link: the target as it is written, and the file."""
    found = {}
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\(\.\./([^)#\s]+)", page.read_text(encoding="utf-8")):
            found[target] = ROOT / target
    for name in PAGES:
        for target in re.findall(r"\]\(([^)#:\s]+)\)", (ROOT / name).read_text(encoding="utf-8")):
            if not target.startswith("docs/"):
                found[target] = ROOT / target
    return {target: path for target, path in found.items() if target not in PAGES}


def on_config(config: Any) -> Any:
    """Adds the API reference to the navigation."""
    section = next(item["Reference"] for item in config["nav"] if "Reference" in item)
    section.append({"API reference": list(reference())})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages and files that are not in docs/."""
    for path, text in reference().items():
        files.append(File.generated(config, path, content=text))
    for name, path in PAGES.items():
        files.append(File.generated(config, path, content=(ROOT / name).read_text(encoding="utf-8")))
    for target, path in outside().items():
        files.append(File.generated(config, target, content=path.read_bytes()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links between docs/ and the rest of the repository into links on the site."""
    for name, path in PAGES.items():
        markdown = re.sub(rf"\]\((\.\./)?{re.escape(name)}", f"]({path}", markdown)
    if page.file.src_uri in PAGES.values():
        return re.sub(r"\]\(docs/", "](", markdown)
    return re.sub(r"\]\(\.\./", "](", markdown)


_SHIM = "https://unpkg.com/iframe-worker/shim"
_SHIM_COPY = "javascripts/iframe-worker.js"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Puts our own copy of the one script that the theme takes from the net, and mends the links of notebooks."""
    if page.file.src_uri.endswith(".ipynb"):  # whose links MkDocs does not see
        output = re.sub(r'(href="\.\./[\w-]+)\.md\b', r"\1.html", output)
    return output.replace(_SHIM, "../" * page.file.src_uri.count("/") + _SHIM_COPY)


def on_post_template(output: str, **_: Any) -> str:
    """Does so in the page that a server shows for a wrong address."""
    return output.replace(_SHIM, f"/{_SHIM_COPY}")
