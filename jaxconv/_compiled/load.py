"""`load_compiled`: a compiled model from a file."""

import os
from collections.abc import Callable
from typing import Any

import jax

from jaxconv import _jax_internals as internals
from jaxconv._compiled import file
from jaxconv._compiled.compiled import Compiled, Program


def load_compiled(
    path: str | os.PathLike[str], *, sha256: str | None = None, trust: bool = False
) -> Compiled:
    """Loads what `Compiled.save` wrote, without compiling, and without the model's Python code.

    The file holds machine code, and a stranger's machine code can do whatever you can. So the file is loaded only if
    `sha256` is its hash, or with `trust=True` if only you can have written it. It holds no pickle. The file is refused
    if a byte of it has changed, or if jax, jaxlib, jaxconv, the kernels, the device or the processor's instructions
    differ from those that it was compiled for.

    Args:
        path: the file.
        sha256: what `Compiled.save` returned, or `sha256sum` prints. Any other file is refused.
        trust: whether to load the file whatever its SHA-256 is.

    Returns:
        A `Compiled` whose `model` is None. Named tuples among its results have a class of their own.

    Raises:
        FileNotFoundError, IsADirectoryError: as `open`.
        TypeError: `trust` is no bool.
        ValueError: neither `sha256` nor `trust`; another file than `sha256` names; a damaged file, or one of another
            program; a program that cannot run here, with all that differs.
    """
    contents = file.load(path, sha256, trust)
    device = jax.devices()[0]
    state = [jax.device_put(array, device) for array in contents.state]
    programs = {}
    for size, (data, outputs) in contents.programs.items():
        try:
            executable = internals.load_executable(data, device)
        except jax.errors.JaxRuntimeError as error:
            raise ValueError(f"{os.fspath(path)}: XLA does not load its program ({error})") from None
        programs[size] = Program(_run(executable, state, outputs, device), None, outputs)
    return Compiled(None, contents.setting, {}, programs, contents.inputs, state)


def _run(executable: Any, state: list[jax.Array], outputs: Any, device: Any) -> Callable[..., Any]:
    tree = jax.tree.structure(outputs)

    def run(*inputs: Any) -> Any:
        arrays = [*state, *(jax.device_put(array, device) for array in jax.tree.leaves(inputs))]
        return jax.tree.unflatten(tree, internals.run_executable(executable, arrays))

    return run
