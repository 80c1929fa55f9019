"""torch's state_dict and the Flax parameter tree: one mapping, written twice."""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv._files import StateDict as StateDict
from jaxconv._files import as_numpy
from jaxconv._files import load_file as load_file
from jaxconv._files import save_file as save_file
from jaxconv._files import to_torch as to_torch
from jaxconv._layers.lazy import Lazy
from jaxconv._renaming import Rename, advice, linen_s_own, renamed
from jaxconv._tree import named_leaves, places, tied, with_leaves

Tree = TypeVar("Tree")


def state_dict(tree: Any) -> dict[str, jax.Array]:
    """Returns the parameters and buffers of `tree` by torch's dotted names, in torch's order.

    Args:
        tree: an NNX module, an nnx.State, a Linen variables dict, or a nested dict of arrays.

    Returns:
        The tree's own arrays, not copies. Tied parameters appear under each of their names, as in torch. Not
        listed, as in torch: random state, intermediates, caches, None, a module's bare array attributes.

    Raises:
        TypeError: `tree` is of another kind, or holds something other than arrays.
        ValueError: two leaves have one name, or a container contains itself.
    """
    return named_leaves(tree)


def load_state_dict(
    tree: Tree,
    mapping: Mapping[str, Any],
    strict: bool = True,
    *,
    prefix: str = "",
    rename: Rename | None = None,
) -> Tree:
    """Returns a new tree of the same kind with the values of a torch state_dict; `tree` stays as it was.

    The values are copied, so later changes to `mapping`'s tensors do not show. They are cast to the
    parameter's dtype as by torch's `copy_`. A cast that would lose the imaginary part, the fraction, or
    the range of a float8 is refused. An array that was put on a device or sharded stays there; a
    jax.ShapeDtypeStruct (from nnx.eval_shape, say) becomes an array.
    Lazy layers of NNX take their sizes from `mapping`, and are plain ones in the new model.
    As in torch, a checkpoint from before `num_batches_tracked` may lack it, and shape (1,) fits shape ().
    A tied parameter needs only one of its names in `mapping`, and `_extra_state` is ignored.

    Args:
        tree: what `state_dict` takes.
        mapping: names to torch tensors, numpy arrays or JAX arrays.
        strict: whether the names must be the same. If not, names missing in `mapping` keep their values,
            unexpected ones are ignored, and a UserWarning lists both.
        prefix: takes only the names that begin with it, and removes it: "module." for a file of nn.DataParallel.
        rename: changes the names after that: a dict from parts between dots to new parts, such as
            {"_orig_mod": "", "gamma": "weight"}, or a function from name to name (None leaves the value out).

    Raises:
        TypeError: `mapping` is not a mapping of str, or `tree` is of no kind that `state_dict` takes.
        ValueError: missing and unexpected keys (if `strict`), shapes and dtypes that do not fit: all in one. If another
            `prefix` or `rename` would make the names fit, the text shows it.
    """
    _check_mapping(mapping)
    original, mapping = mapping, renamed(mapping, prefix, rename)
    tree = _settled(tree, mapping)
    leaves = named_leaves(tree)
    arrays: dict[str, Any] = {}
    problems = []
    for name in leaves:
        if name in mapping:
            try:
                arrays[name] = _fit(name, mapping[name], leaves[name])
            except ValueError as error:
                problems.append(str(error))
    given = {name for name in leaves if name in mapping}
    given |= {other for group in tied(tree) if not given.isdisjoint(group) for other in group}
    required = [name for name in leaves if not _is_optional(name, mapping)]
    missing = [name for name in required if name not in given]
    unexpected = [name for name in mapping if name not in leaves and not _is_extra(name)]
    names = []
    if missing:
        names.append(f"Missing key(s) in state_dict: {_quoted(missing)}.")
    if unexpected:
        names.append(f"Unexpected key(s) in state_dict: {_quoted(unexpected)}.")
    if strict:
        hint = advice(original, required, leaves) if missing else None
        linen = linen_s_own(missing, unexpected)
        problems = names + problems + [line for line in (hint, linen) if line]
    if problems:
        raise ValueError(
            f"Error(s) in loading state_dict for {type(tree).__name__}:\n\t" + "\n\t".join(problems)
        )
    if names:
        warnings.warn(" ".join(names), UserWarning, stacklevel=2)
    return with_leaves(tree, {name: _copy_to(array, leaves[name]) for name, array in arrays.items()})


def _settled(tree: Tree, mapping: Mapping[str, Any]) -> Tree:
    """A new tree without those lazy layers whose size `mapping` tells."""
    if not isinstance(tree, nnx.Module) or not _lazy(tree):
        return tree
    new: Any = nnx.clone(tree)
    for name, layer in _lazy(new).items():
        prefix = f"{name}." if name else ""
        shapes = {
            key.removeprefix(prefix): np.shape(a) for key, a in mapping.items() if key.startswith(prefix)
        }
        # A layer in several places may be a plain one by now.
        size = layer._stored(shapes) if isinstance(layer, Lazy) else None
        if size is not None:
            layer._become(size)
    return new


def _lazy(tree: Any) -> dict[str, Any]:
    modules = {"": tree} | {name: place.module for name, place in places(tree)}
    return {name: module for name, module in modules.items() if isinstance(module, Lazy)}


def _check_mapping(mapping: Any) -> None:
    if not isinstance(mapping, Mapping) or isinstance(mapping, nnx.Pytree | nnx.State):
        hint = " (write `.state_dict()` after it)" if hasattr(mapping, "state_dict") else ""
        raise TypeError(
            f"`mapping` must be a state_dict (names to arrays), got {type(mapping).__name__}{hint}"
        )
    if wrong := [name for name in mapping if not isinstance(name, str)]:
        raise TypeError(f"the keys of `mapping` must be str, got {', '.join(map(repr, wrong))}")


def _fit(name: str, value: Any, leaf: Any) -> Any:
    """`value` as an array that can be cast to `leaf`, or a ValueError in torch's words."""
    try:
        array: Any = value if isinstance(value, jax.core.Tracer) else as_numpy(value)
    except TypeError as error:
        raise ValueError(f"cannot read {name}: {error}.") from None
    if array.shape == (1,) and leaf.shape == ():
        array = array[0]
    if array.shape != leaf.shape:
        raise ValueError(
            f"size mismatch for {name}: copying a param with shape {array.shape} from checkpoint, "
            f"the shape in current model is {leaf.shape}."
        )
    # torch's and JAX's overflow to float8 differ (largest value, or NaN), and between versions.
    to_float8 = leaf.dtype.name.startswith("float8") and array.dtype != leaf.dtype
    if to_float8 or _kind(array.dtype) > _kind(leaf.dtype):
        raise ValueError(
            f"dtype mismatch for {name}: copying a param with dtype {array.dtype} from checkpoint, "
            f"the dtype in current model is {leaf.dtype}."
        )
    return array


def _kind(dtype: Any) -> int:
    """0 for bool and integers, 1 for floats, 2 for complex; casting downward loses more than precision."""
    return jnp.issubdtype(dtype, jnp.inexact) + jnp.issubdtype(dtype, jnp.complexfloating)


def _copy_to(array: Any, leaf: Any) -> Any:
    """A copy of `array` with the dtype of `leaf`, and its place: numpy, or the device and sharding."""
    if isinstance(array, jax.core.Tracer):
        return array.astype(leaf.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        if array.dtype == np.float64 and leaf.dtype.itemsize == 2:
            array = array.astype(np.float32)  # torch goes this way, and rounds twice
        # Private memory: JAX on CPU takes numpy memory over without copying it.
        array = np.array(array, dtype=leaf.dtype)
    if isinstance(leaf, np.ndarray | np.generic):
        return array
    placed = isinstance(leaf, jax.ShapeDtypeStruct) or (
        not isinstance(leaf, jax.core.Tracer) and leaf.committed
    )
    with jax.enable_x64(True):  # a 64-bit parameter stays one, whatever the setting is now
        return jax.device_put(array, leaf.sharding if placed else None)


def _is_optional(name: str, mapping: Mapping[str, Any]) -> bool:
    """torch's rule for BatchNorm: version 2 brought num_batches_tracked; older checkpoints do without."""
    module, _, last = name.rpartition(".")
    version = getattr(mapping, "_metadata", {}).get(module, {}).get("version")
    return last == "num_batches_tracked" and (version is None or version < 2)


def _is_extra(name: str) -> bool:
    """Whatever a torch module saves in addition to its tensors, in any format of its own."""
    return name.rpartition(".")[2] == "_extra_state"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
