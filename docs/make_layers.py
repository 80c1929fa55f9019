"""Writes docs/layers.md from the code: `python docs/make_layers.py`."""

import inspect
import re
from pathlib import Path

import torch

import jaxconv

PAGE = Path(__file__).with_name("layers.md")

REASONS = {
    r"CTCLoss": "optax.ctc_loss",
    r"NLLLoss2d": "torch's old name: NLLLoss",
    r"AdaptiveLogSoftmaxWithLoss|LinearCrossEntropyLoss": "not done yet: a Linear and a loss in one",
    r"Transformer.*|MultiheadAttention": "attention: flax.nnx.MultiHeadAttention; `from_torch` takes torch's",
    r"ParameterList|ParameterDict": "nnx.List and nnx.Dict of nnx.Param",
    r"DataParallel": "JAX's sharding spreads a batch over devices",
    r"SyncBatchNorm": "BatchNorm with `axis_name`",
    r"FractionalMaxPool[23]d": "not done yet: its windows are drawn at random",
    r"CrossMapLRN2d": "torch's old name: LocalResponseNorm",
    r"CosineSimilarity|PairwiseDistance": "a line of jax.numpy",
    r"Module|Container|RNNBase|RNNCellBase": "a base class: nnx.Module",
}


def layers():
    """torch.nn's modules by name."""
    found = {name: getattr(torch.nn, name) for name in dir(torch.nn)}
    return {n: c for n, c in sorted(found.items()) if inspect.isclass(c) and issubclass(c, torch.nn.Module)}


def reason(name):
    """Why there is no twin; None where none is written down."""
    return next((why for pattern, why in REASONS.items() if re.fullmatch(pattern, name)), None)


def functional(name):
    """The functional that a layer's class names in its docstring, or that has its name in small letters; or ''."""
    text = inspect.getdoc(getattr(jaxconv, name)) or ""
    named = re.search(r"`jaxconv\.functional\.(\w+)`", text)
    small = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name.removeprefix("Lazy")).lower()
    same = [small, small.replace("_", ""), re.sub(r"\dd$", "", small)]
    found = named[1] if named else next((n for n in same if hasattr(jaxconv.functional, n)), "")
    return f"`functional.{found}`" if found else ""


def page():
    """The page's text."""
    covered = [name for name in layers() if hasattr(jaxconv, name)]
    rows = [
        f"| `torch.nn.{name}` | `jaxconv.{name}` | `jaxconv.linen.{name}` | {functional(name)} |"
        for name in covered
    ]
    missing = [f"| `torch.nn.{name}` | {reason(name)} |" for name in layers() if name not in covered]
    return "\n".join(
        [
            "# torch.nn's layers, and ours",
            "",
            "Written by `python docs/make_layers.py` from torch (the versions in `constraints.txt`) and the code. "
            f"{len(covered)} of torch.nn's classes",
            "have a twin, with torch's positional arguments, defaults and parameter names.",
            "",
            "| torch | NNX | Linen | functional |",
            "|---|---|---|---|",
            *rows,
            "",
            "## Without a twin",
            "",
            "| torch | why |",
            "|---|---|",
            *missing,
            "",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"{PAGE.name}: {page().count('| `torch.nn.')} layers")
