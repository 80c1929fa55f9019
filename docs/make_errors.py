"""Writes docs/errors.md: every error that jaxconv and parity raise, read from the code, with its remedy.

    python docs/make_errors.py

A message belongs to the first kind whose file pattern and words it matches.
"""

import ast
import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "errors.md"
ERRORS = {
    "TypeError",
    "ValueError",
    "NotImplementedError",
    "ImportError",
    "FileNotFoundError",
    "IsADirectoryError",
}
ERRORS |= {
    "PermissionError",
    "IndexError",
    "Damaged",
    "Unshared",
    "Lost",
    "NotOurs",
    "UnknownPrimitive",
    "Unusable",
}


class Kind(NamedTuple):
    """Errors with one remedy: a heading, what to do, and which messages they are."""

    title: str
    remedy: str
    files: tuple[str, ...]
    words: str = ""


class Message(NamedTuple):
    """One message in the code, with … where a value is put in."""

    path: str
    error: str
    text: str


LAYERS = (
    "jaxconv/_args.py",
    "jaxconv/_given.py",
    "jaxconv/_spec*.py",
    "jaxconv/_pad.py",
    "jaxconv/_functional/*",
    "jaxconv/_layers/*",
)
LAYERS += ("jaxconv/nn/*", "jaxconv/linen/*", "jaxconv/init/*", "jaxconv/_containers.py", "jaxconv/_rngs.py")
LAYERS += ("jaxconv/_lower/*",)

GROUPS: dict[str, list[Kind]] = {
    "Layers and functionals": [
        Kind(
            "The layer needs random numbers",
            "Initial weights and dropout need a source of random numbers. Give a layer `rngs=nnx.Rngs(0)`, or "
            "[`jaxconv.TorchRngs(0)`](same-seed.md) for torch's numbers. Give a functional "
            "`key=jax.random.key(0)`. If you do not train, call `model.eval()`: dropout then needs none.",
            LAYERS,
            r"rngs|`key`|TorchRngs|draws",
        ),
        Kind(
            "The environment names an unknown kernel",
            "Set `JAXCONV_ISA` and `JAXCONV_KERNELS` to one of the values in the message, or unset them. [Which "
            "kernels run](versions.md#which-kernels-run) explains both.",
            ("jaxconv/_lower/*",),
            "environment",
        ),
        Kind(
            "Plain arrays assigned to a parameter",
            "A layer's parameters are Flax variables, so a plain array cannot take their place. Write "
            "`conv.weight[...] = array`, or make a new model with [`surgery.replace`](surgery.md).",
            ("jaxconv/nn/_module.py",),
            "bare",
        ),
        Kind(
            "A method of torch's, or an argument of Flax's layers",
            "jaxconv's layers take torch's arguments and are Flax modules, so they have neither torch's methods nor "
            "the names of Flax's arguments. The message has what to write; the [cheat-sheet](cheat-sheet.md) has "
            "all of it line by line.",
            ("jaxconv/_habits.py",),
        ),
        Kind(
            "A parameter with requires_grad",
            "Flax does not read `requires_grad`, so the parameter would be trained. Make it a `jaxconv.FrozenParam`, "
            "or [choose what is trained](training.md#freezing).",
            ("jaxconv/nn/_module.py",),
            "requires_grad",
        ),
        Kind(
            "Integers where a layer computes with floating numbers",
            "As in torch, a layer with parameters does not cast integers, such as an image of bytes. Write "
            "`x.astype(jnp.float32) / 255`, or give the layer a `dtype`, which casts.",
            ("jaxconv/_layers/base.py",),
            "floating dtype",
        ),
        Kind(
            "The kernel, the padding and the input do not fit",
            "The output would be empty, or the padding is larger than the input allows. Use a larger input, a "
            "smaller kernel or dilation, or another padding. The message has the sizes that were computed. See "
            "[the sizes of a convolution](notebooks/learn-conv2d.ipynb).",
            LAYERS,
            r"Kernel size|too small|padding size|wrapping|leaves|cuts everything|XLA takes|must be at least one|"
            r"no element|output size|at most half|sliding blocks|Padding size",
        ),
        Kind(
            "The dtypes do not fit",
            "Functionals take arrays of one dtype: cast with `x.astype(...)`. Layers cast to a common dtype "
            "themselves. If the message names a 64-bit dtype, call `jax.config.update('jax_enable_x64', True)` "
            "first.",
            LAYERS,
            r"dtype|represented|complex",
        ),
        Kind(
            "The shape of an array does not fit",
            "Inputs have torch's layout: (N, C, H, W), or (C, H, W) without a batch; the same with other numbers "
            "of spatial dimensions. Transpose channels-last images: `x.transpose(0, 3, 1, 2)`. A weight is "
            "(out_channels, in_channels / groups, *kernel_size). The message has the expected and the given "
            "shape.",
            LAYERS,
            r"shape(?!\))|\dD\b|-D\b|dimension|channels|features|batch may be|classes",
        ),
        Kind(
            "An argument has the wrong type",
            "Give the type that the message names. A bool is not an int, and a torch tensor or a list is not an array: "
            "write `numpy.asarray(...)` or `tensor.numpy()`.",
            LAYERS,
            r"TypeError:",
        ),
        Kind(
            "An argument has a value that is not allowed",
            "The message has the argument, its value and what is allowed. These are torch's rules; the exceptions "
            "are among the [differences](differences.md#errors).",
            LAYERS,
        ),
    ],
    "Parameters": [
        Kind(
            "Weights do not fit the model",
            "Compare the names in the message with `list(jaxconv.state_dict(model))`. For a prefix such as "
            "`module.`, pass `prefix=`; for other names, `rename=`; for a part of the weights, `strict=False`. "
            "[Errors of `load_state_dict`](state_dict.md#errors) shows each.",
            (
                "jaxconv/_state_dict.py",
                "jaxconv/_renaming.py",
                "jaxconv/_tree.py",
                "jaxconv/_files/arrays.py",
            ),
        ),
        Kind(
            "A selector or a change does not fit",
            "Print what a selector finds: `list(surgery.select(model, selector))`. "
            "[Selectors](surgery.md#selectors) lists what each of them matches. `surgery` never changes a shape "
            "or a dtype.",
            ("jaxconv/_select.py", "jaxconv/surgery.py", "jaxconv/_fill.py"),
        ),
    ],
    "Files of weights": [
        Kind(
            "The file is larger than is allowed",
            "A file may ask for twice its size, and at least 256 MiB. If you trust it, pass `max_bytes=`.",
            ("jaxconv/_files/*",),
            "max_bytes",
        ),
        Kind(
            "The file is damaged",
            "Download or copy the file again, and compare its checksum. If torch reads it, please report it.",
            ("jaxconv/_files/*",),
            "Damaged:|Unshared:|not a valid|cannot be read|twice",
        ),
        Kind(
            "The file cannot be written",
            "Give `save_file` a path in a writable folder, with one of the extensions in the message.",
            ("jaxconv/_files/save.py", "jaxconv/_files/safetensors.py"),
        ),
        Kind(
            "The file is not a checkpoint, or the weights are somewhere in it",
            "If the message lists keys, pass one of them: `load_file(path, key='state_dict')`. For a folder or an "
            "index of shards, pass the folder. [What to write for which file](state_dict.md#files) lists every "
            "kind.",
            ("jaxconv/_files/*",),
        ),
    ],
    "from_torch": [
        Kind(
            "The gradient cannot be converted",
            "Backward hooks are not converted: remove them, or pass `ignore_hooks=True` if they only observe. A "
            "custom backward must not branch on numbers or write in place. [Gradients](from-torch.md#gradients) "
            "has the rules.",
            (
                "jaxconv/_from_torch/gradients.py",
                "jaxconv/_from_torch/custom*.py",
                "jaxconv/_from_torch/trace.py",
            ),
            r"hook|gradient|backward|<",
        ),
        Kind(
            "A call has other sizes or arguments than the example",
            "Convert the network with an example of these sizes, or name the open sizes in `dynamic=`. [What is "
            "fixed](from-torch.md#what-is-fixed) lists the rules.",
            (
                "jaxconv/_from_torch/binding.py",
                "jaxconv/_from_torch/conditions.py",
                "jaxconv/_from_torch/dimensions.py",
                "jaxconv/_from_torch/dynamic.py",
                "jaxconv/_from_torch/sizes.py",
                "jaxconv/_from_torch/structure.py",
            ),
        ),
        Kind(
            "The converted network is a program",
            "An attribute or a module that the traced program does not read cannot be changed in Flax. Change it "
            "in torch, and convert again. [Layers](from-torch.md#layers) says which modules become layers.",
            ("jaxconv/_from_torch/module.py", "jaxconv/_from_torch/containers.py"),
        ),
        Kind(
            "The network cannot be converted",
            "The message names the line of torch's source. Rewrite that line without the operation, or without a "
            "branch on the numbers in a tensor. If the operation is not covered, please report it.",
            ("jaxconv/_from_torch/*",),
        ),
    ],
    "Compile, fold and serve": [
        Kind(
            "A compiled model gets another input",
            "A compiled model takes the shapes and dtypes of its example. Cast or reshape the input, compile for "
            "the other shape, or pass `batch_sizes=` for [batches of several "
            "sizes](serving.md#batches-of-several-sizes).",
            (
                "jaxconv/_compiled/inputs.py",
                "jaxconv/_compiled/batch.py",
                "jaxconv/_compile.py",
                "jaxconv/_explain.py",
            ),
            r"^(?!.*an entry|.*no candidate)",
        ),
        Kind(
            "The file of choices is ignored",
            "This is a warning: `compile` measures again. Delete the file, or name another with `cache=`.",
            ("jaxconv/_compile_cache.py", "jaxconv/_compile.py"),
        ),
        Kind(
            "The file of a compiled model is refused",
            "Compile and save the model again, on a machine like the one that loads it. `load_compiled` needs the "
            "`sha256` that `save` returned, or `trust=True`. [Files that load without "
            "compiling](serving.md#a-file-that-loads-without-compiling) has the reasons.",
            ("jaxconv/_compiled/*",),
        ),
        Kind(
            "The BatchNorm cannot be folded",
            "Call `model.eval()` first, and name the pairs: `fuse_conv_bn(model, [('conv', 'bn')])`.",
            ("jaxconv/fusion.py", "jaxconv/_folding.py", "jaxconv/_linen_inference.py"),
        ),
    ],
    "parity": [
        Kind(
            "A recording is refused",
            "Record torch's side again with this version: `parity.record(network, "
            "inputs).save('net.safetensors')`. [Record torch "
            "once](parity-check.md#record-torch-once-compare-later) says what a recording holds.",
            ("parity/_torch/recording*.py",),
        ),
        Kind(
            "No bound is known",
            "`parity` cannot bound the rounding of this operation, so it judges the layer end to end. Please "
            "report the operation.",
            ("parity/_bounds/*",),
        ),
        Kind(
            "The networks cannot be compared",
            "The message says which argument of `parity.check` to change. [Arguments](parity-check.md#arguments) "
            "lists what each of them takes.",
            ("parity/*",),
        ),
        Kind(
            "The command cannot run",
            "The exit status is 2. `python -m parity --help` and `python -m parity COMMAND --help` list the options.",
            ("jaxconv_parity/*",),
        ),
    ],
}
HEAD = """\
# Errors and what to do

You have an error message. Search this page for its first words: every message of jaxconv and parity is below, with … in
the place of your values. Each kind of error begins with its remedy.

Bad values and shapes are a `ValueError`, bad types and dtypes a `TypeError`. A message names the argument, its value,
and what was expected.
"""


def literal(node: ast.expr) -> str:
    """The text of an expression, with … for what is known only when the code runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(literal(value) if isinstance(value, ast.Constant) else "…" for value in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return literal(node.left) + literal(node.right)
    return "…"


def messages() -> Iterator[Message]:
    """Every message in the code that is given to an error's constructor."""
    for package in ("jaxconv", "parity", "jaxconv_parity"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Name)
                    and node.func.id in ERRORS
                    and node.args
                ):
                    text = " ".join(literal(node.args[0]).split())
                    if re.search(r"\w{2}", text):  # not a text that was made elsewhere
                        yield Message(path.relative_to(ROOT).as_posix(), node.func.id, text)


def kind_of(message: Message) -> Kind | None:
    """The first kind that a message matches."""
    for kind in (kind for kinds in GROUPS.values() for kind in kinds):
        of_file = any(fnmatch.fnmatch(message.path, pattern) for pattern in kind.files)
        if of_file and re.search(kind.words, f"{message.error}: {message.text}"):
            return kind
    return None


def page() -> str:
    """Returns the text of docs/errors.md."""
    found: dict[str, list[str]] = {}
    for message in messages():
        kind = kind_of(message)
        if kind is None:
            raise ValueError(
                f"{message.path}: no kind in docs/make_errors.py has the message {message.text!r}"
            )
        texts = found.setdefault(kind.title, [])
        if message.text not in texts:
            texts.append(message.text)
    lines = [HEAD]
    for group, kinds in GROUPS.items():
        lines.append(f"## {group}\n")
        for kind in kinds:
            lines += [f"### {kind.title}\n", f"{kind.remedy}\n"]
            lines += [f"- `` {text} ``" for text in sorted(found[kind.title], key=str.lower)]
            lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
