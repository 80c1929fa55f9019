"""`Compiled`: a model as programs of XLA's."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv import _jax_internals as internals
from jaxconv._compiled import file
from jaxconv._compiled.inputs import Inputs, by_size, first, padded
from jaxconv._compiled.setting import Setting
from jaxconv._lower import native


@dataclass(frozen=True)
class Program:
    """A program for inputs of one shape.

    Attributes:
        run: of (*inputs), with the model's parameters in it.
        executable: what XLA made; None if it was loaded from a file.
        outputs: the structure of the result, of jax.ShapeDtypeStructs.
        parameters: what was prepared from the model's parameters, by key.
    """

    run: Callable[..., Any]
    executable: Any
    outputs: Any
    parameters: Any = ()


@dataclass(frozen=True, eq=False, repr=False)  # jax.jit wants to hash what it refuses
class Compiled:
    """A model compiled for inputs of one shape, or of a few batch sizes: it is called as the model is.

    Attributes:
        model: what was compiled: a copy in evaluation mode, BatchNorm folded away where that is possible. None if it
            was loaded from a file.
        setting: how.
        milliseconds: of each candidate, if they were measured here; the median.
    """

    model: Any
    setting: Setting
    milliseconds: Mapping[Setting, float]
    _programs: Mapping[int | None, Program]
    _inputs: Inputs
    _state: Any

    def __repr__(self) -> str:
        model = self.model[0] if isinstance(self.model, tuple) else self.model
        name = "from a file" if model is None else type(model).__name__
        outputs = next(iter(self._programs.values())).outputs
        paths, _ = jax.tree_util.tree_flatten_with_path(outputs)
        kinds = [*zip(self._inputs.names, self._inputs.types, strict=True)]
        kinds += [(f"result{jax.tree_util.keystr(path)}", kind) for path, kind in paths]
        lines = [f"{name}: {kind.dtype} {self._shape(kind)}" for name, kind in kinds]
        if self.batch_sizes:
            sizes = ", ".join(map(str, self.batch_sizes))
            lines.append(f"N up to {self.batch_sizes[-1]}, with a program for N = {sizes}")
        how = "" if self.setting == Setting() else f", {self.setting}"
        return "\n  ".join([f"Compiled ({name}){how}", *lines])

    def _shape(self, kind: jax.ShapeDtypeStruct) -> str:
        sizes = ("N", *kind.shape[1:]) if self.batch_sizes else kind.shape
        return f"({', '.join(map(str, sizes))}{',' * (len(sizes) == 1)})"

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The batch sizes that there are programs for, in order. Empty if the shapes are fixed."""
        return self._inputs.sizes

    @property
    def examples(self) -> tuple[Any, ...]:
        """The inputs that the model was compiled for, as jax.ShapeDtypeStructs; with `batch_sizes`, of any batch."""
        return self._inputs.example

    def __call__(self, *inputs: Any) -> Any:
        """The model's result. May be called from several threads.

        With `batch_sizes`, N samples are padded with zeros to the next larger size, on the host, and the result has N
        samples.

        Args:
            inputs: JAX's or NumPy's arrays of the shapes and dtypes of the examples.

        Raises:
            TypeError: another number of inputs, a torch tensor, another dtype, a call inside jit, grad or vmap.
            ValueError: another shape, or more samples than the largest batch size.
        """
        arrays, n = self._inputs.checked(inputs)
        size, program = by_size(self._programs, n)
        if n is None or size is None or n == size:
            return program.run(*jax.tree.unflatten(self._inputs.tree, arrays))
        held = jax.tree.unflatten(self._inputs.tree, [padded(array, size) for array in arrays])
        return jax.tree.map(lambda array: first(array, n), program.run(*held))

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes the programs and the parameters to a file that `jaxconv.load_compiled` reads without compiling.

        The file fits this version of jax, jaxlib and jaxconv, this kind of processor, and these kernels;
        `load_compiled` refuses it elsewhere. It holds machine code, so whoever loads it must trust it. It holds no
        pickle.

        Args:
            path: the file, which is replaced as a whole or not at all; its directory must exist.

        Returns:
            The file's SHA-256 in hexadecimal. `load_compiled(path, sha256=...)` then takes no other file.

        Raises:
            TypeError: a result, an input or the parameters hold something that the file cannot have: an object of
                another class than tuples, lists, dicts and named tuples, or a dtype that .safetensors lacks.
            ValueError: the model calls back into Python, which no file can hold; or it was loaded from a file, which
                may be copied.
            OSError: as `open`.
        """
        if self.model is None:
            raise ValueError("this model was loaded from a file and cannot be saved again: copy that file")
        texts = [internals.executable_text(program.executable) for program in self._programs.values()]
        if any(
            "callback" in line for text in texts for line in text.splitlines() if "custom_call_target" in line
        ):
            raise ValueError(
                "the model calls back into Python (jax.pure_callback, jax.debug.print, ...), and a file cannot hold "
                "Python's part: remove the callback"
            )
        programs = {
            size: (internals.executable_bytes(program.executable), program.outputs)
            for size, program in self._programs.items()
        }
        state = [np.asarray(_plain(array)) for array in jax.tree.leaves(self._state)]
        uses_kernels = any(target in text for text in texts for target in native.TARGETS)
        return file.save(file.Contents(self.setting, self._inputs, programs, state, uses_kernels), path)


def _plain(array: Any) -> Any:
    """The numbers of JAX's random keys; programs take them so."""
    array = jnp.asarray(array)
    return jax.random.key_data(array) if jnp.issubdtype(array.dtype, jax.dtypes.prng_key) else array
