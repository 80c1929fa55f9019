"""What a compiled model takes: its inputs are checked in words of our own, and a batch is padded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._given import not_an_array, refuse_key, shown


@dataclass(frozen=True)
class Inputs:
    """The inputs of a compiled model.

    Attributes:
        names: of each array, as a caller would write it: `inputs[0]['mask']`.
        types: shape and dtype of each array.
        tree: the structure that the arrays lie in.
        sizes: the batch sizes that there are programs for, in order. Empty: only the shapes in `types` are taken.
    """

    names: tuple[str, ...]
    types: tuple[jax.ShapeDtypeStruct, ...]
    tree: Any
    sizes: tuple[int, ...]

    @classmethod
    def of(cls, example: tuple[Any, ...], sizes: tuple[int, ...]) -> Self:
        """Describes inputs that are given as jax.ShapeDtypeStructs."""
        paths, tree = jax.tree_util.tree_flatten_with_path(example)
        names = tuple(_name(path) for path, _ in paths)
        return cls(names, tuple(kind for _, kind in paths), tree, sizes)

    @property
    def example(self) -> tuple[Any, ...]:
        """The inputs as jax.ShapeDtypeStructs."""
        return jax.tree.unflatten(self.tree, self.types)

    def checked(self, inputs: Sequence[Any]) -> tuple[list[Any], int | None]:
        """Returns the arrays of a call and, if there are batch sizes, how many samples they hold.

        Raises:
            TypeError: another number or structure of inputs, a torch tensor, a value inside a transformation of JAX, or
                another dtype.
            ValueError: another shape, or more samples than the largest batch size.
        """
        leaves, tree = jax.tree.flatten(tuple(inputs))
        if tree != self.tree:
            raise self._other_structure(inputs, tree)
        arrays = [
            _array(name, leaf, kind) for name, leaf, kind in zip(self.names, leaves, self.types, strict=True)
        ]
        if not self.sizes:
            for name, array, kind in zip(self.names, arrays, self.types, strict=True):
                if array.shape != kind.shape:
                    raise ValueError(
                        f"`{name}` has the shape {array.shape}; this model was compiled for {kind.shape}. Compile it "
                        f"for the other shape, too, or give `batch_sizes` to jaxconv.compile if only the batch differs"
                    )
            return arrays, None
        return arrays, self._samples(arrays)

    def _samples(self, arrays: Sequence[Any]) -> int:
        n = arrays[0].shape[0] if arrays[0].ndim else -1
        for name, array, kind in zip(self.names, arrays, self.types, strict=True):
            if array.ndim != len(kind.shape) or array.shape[1:] != kind.shape[1:]:
                wanted = ", ".join(map(str, ("N", *kind.shape[1:])))
                raise ValueError(
                    f"`{name}` has the shape {array.shape}; this model was compiled for ({wanted}) with N up to "
                    f"{self.sizes[-1]}"
                )
            if array.shape[0] != n:
                raise ValueError(
                    f"`{name}` holds {array.shape[0]} samples and `{self.names[0]}` {n}; give the same number of each"
                )
        if n > self.sizes[-1]:
            raise ValueError(
                f"`{self.names[0]}` holds {n} samples; the largest of `batch_sizes` is {self.sizes[-1]}. Split the "
                f"batch, or give jaxconv.compile a larger size"
            )
        return n

    def _other_structure(self, inputs: Sequence[Any], tree: Any) -> TypeError:
        expected = len(self.example)
        if len(inputs) != expected:
            return TypeError(
                f"the compiled model takes {expected} input{'s' * (expected != 1)}, got {len(inputs)}"
            )
        return TypeError(f"the inputs have the structure {tree}; this model was compiled for {self.tree}")


def described(inputs: Sequence[Any], sizes: tuple[int, ...]) -> Inputs:
    """Describes the examples that `jaxconv.compile` was given.

    Raises:
        ValueError: `sizes`, and an input without a batch dimension, or inputs with batches of several sizes.
    """
    found = Inputs.of(jax.tree_util.tree_map_with_path(_type_of, tuple(inputs)), sizes)
    names, types = found.names, found.types
    if sizes:
        if scalars := [name for name, kind in zip(names, types, strict=True) if not kind.shape]:
            raise ValueError(
                f"`batch_sizes` (={sizes}): dimension 0 of every input is the batch, and {', '.join(scalars)} has no "
                f"dimension"
            )
        if len({kind.shape[0] for kind in types}) > 1:
            shapes = ", ".join(f"{name}: {kind.shape}" for name, kind in zip(names, types, strict=True))
            raise ValueError(
                f"`batch_sizes` (={sizes}): dimension 0 of every input is the batch, and the examples differ in it: "
                f"{shapes}"
            )
    return found


def _name(path: Any) -> str:
    return f"inputs{jax.tree_util.keystr(path)}"


def _type_of(path: Any, value: Any) -> jax.ShapeDtypeStruct:
    name = _name(path)
    if not isinstance(value, jax.ShapeDtypeStruct | jax.Array):
        if type(value).__module__.partition(".")[0] == "torch":
            raise not_an_array(name, value)
        value = jnp.asarray(value)
    refuse_key(name, value)
    return jax.ShapeDtypeStruct(value.shape, value.dtype)


def padded(array: Any, size: int) -> Any:
    """The array with zeros after its samples, up to `size`: on the host, where no program is compiled for it."""
    n = array.shape[0]
    if n == size:
        return array
    array = np.asarray(array)
    filled = np.zeros((size, *array.shape[1:]), array.dtype)
    filled[:n] = array
    return filled


def first(array: jax.Array, n: int) -> jax.Array:
    """The first n samples. A slice in JAX would be compiled for each n."""
    if n == array.shape[0]:
        return array
    return jax.device_put(np.asarray(array)[:n], array.sharding)


def resized(example: Any, size: int) -> Any:
    """An example with `size` samples: its own, over and over."""
    if isinstance(example, jax.ShapeDtypeStruct):
        return jax.ShapeDtypeStruct((size, *example.shape[1:]), example.dtype)
    array = np.asarray(example)
    return (
        array[np.arange(size) % len(array)] if len(array) else np.zeros((size, *array.shape[1:]), array.dtype)
    )


def _array(name: str, value: Any, kind: jax.ShapeDtypeStruct) -> Any:
    if isinstance(value, jax.core.Tracer):
        raise TypeError(
            f"`{name}` is traced: a compiled model cannot be part of another JAX program (jit, grad, vmap, ...). "
            f"Call the model that was compiled instead"
        )
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        value = _converted(name, value, kind)
    refuse_key(name, value)
    dtype = value.dtype
    if dtype != kind.dtype and (isinstance(value, jax.Array) or _canonical(name, dtype) != kind.dtype):
        raise TypeError(
            f"`{name}` has the dtype {dtype}; this model was compiled for {kind.dtype}. Cast it: "
            f"x.astype({str(kind.dtype)!r})"
        )
    return value


def _canonical(name: str, dtype: np.dtype) -> Any:
    """The dtype that JAX makes of NumPy's: float32 of float64 unless jax_enable_x64 is set."""
    try:
        return jax.dtypes.canonicalize_dtype(dtype)
    except TypeError:
        return dtype


def _converted(name: str, value: Any, kind: jax.ShapeDtypeStruct) -> Any:
    if type(value).__module__.partition(".")[0] == "torch":
        raise not_an_array(name, value)
    if isinstance(value, bool | int | float | complex) and not kind.shape:
        return np.asarray(value, jnp.asarray(value).dtype)
    raise TypeError(
        f"`{name}` must be an array of shape {kind.shape} and dtype {kind.dtype}, got {shown(value)}"
    )


def by_size(programs: Mapping[int | None, Any], n: int | None) -> tuple[int | None, Any]:
    """The program for n samples, and the batch that it takes: the next larger one."""
    if n is None:
        return None, programs[None]
    size = min(size for size in programs if size is not None and size >= n)
    return size, programs[size]
