"""Arrays of torch, numpy and JAX in memory, bit for bit."""

import sys
from collections.abc import Collection, Mapping
from typing import Any

import jax
import numpy as np
from flax import nnx

# The dtypes that torch, JAX and numpy (with ml_dtypes) share, by that name, and safetensors' name for it.
SAFETENSORS = {
    "bool": "BOOL",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "float8_e4m3fn": "F8_E4M3",
    "float8_e4m3fnuz": "F8_E4M3FNUZ",
    "float8_e5m2": "F8_E5M2",
    "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0",
    "bfloat16": "BF16",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}
DTYPES = {*SAFETENSORS, "complex128"}


def as_numpy(value: Any) -> np.ndarray:
    """A torch tensor, numpy array or JAX array as a numpy array, which may share its memory.

    Raises:
        TypeError: it is none of these, is not dense (sparse, quantized, meta, ...), or its dtype is not one
            that torch and JAX share. The text completes "cannot read 'weight': ".
    """
    torch = sys.modules.get("torch")  # a tensor can be given only where torch has been imported
    if torch is not None and isinstance(value, torch.Tensor):
        return _tensor_as_numpy(value, torch)
    if not isinstance(value, jax.Array | np.ndarray | np.generic):
        raise TypeError(f"{type(value).__name__} is not an array")
    if value.dtype.name not in DTYPES:
        raise TypeError(f"torch and JAX do not both have the dtype {value.dtype.name}")
    array = np.asarray(value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _tensor_as_numpy(tensor: Any, torch: Any) -> np.ndarray:
    unfit = {
        "is uninitialized": torch.nn.parameter.is_lazy(tensor),
        "is nested": tensor.is_nested,
        f"has layout {tensor.layout}": tensor.layout != torch.strided,
        "is quantized": tensor.is_quantized,
        "is on the meta device, without values": tensor.is_meta,
    }
    if reasons := [reason for reason, applies in unfit.items() if applies]:
        raise TypeError(f"the tensor {' and '.join(reasons)}")
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in DTYPES:
        raise TypeError(f"torch and JAX do not both have the dtype {dtype}")
    dense = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    # As bytes: numpy() does not know bfloat16 and float8.
    return dense.reshape(-1).view(torch.uint8).numpy().view(dtype).reshape(tuple(tensor.shape))


class StateDict(dict[str, np.ndarray]):
    """Names and arrays, as a file holds them.

    Attributes:
        notes: what else the file holds: values that were skipped, classes of which nothing was imported.
        metadata: the `__metadata__` of a .safetensors file.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        notes: tuple[str, ...] = (),
        metadata: Mapping[str, str] | None = None,
        versions: Mapping[str, Any] | None = None,
    ):
        super().__init__(arrays)
        self.notes, self.metadata = notes, dict(metadata or {})
        if versions is not None:
            self._metadata = versions  # torch's name for the version of each module


def to_torch(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, shapes, dtypes and bits as torch tensors on the CPU, in fresh writable memory.

    Args:
        mapping: names to JAX, numpy or torch arrays; for a model, `to_torch(jaxconv.state_dict(model))`.

    Raises:
        TypeError: `mapping` is not flat, or holds values without a counterpart in torch; all are named.
        ImportError: torch is not installed.
    """
    arrays = flat_arrays(mapping, "to_torch")
    torch = import_torch("to_torch")
    return {
        name: torch.from_numpy(np.array(array).reshape(-1).view(np.uint8))
        .view(getattr(torch, array.dtype.name))
        .reshape(array.shape)
        for name, array in arrays.items()
    }


def import_torch(what: str) -> Any:
    """torch, or an ImportError that says what needs it."""
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{what} needs PyTorch: pip install torch") from error
    return torch


def flat_arrays(
    mapping: Mapping[str, Any], what: str, dtypes: Collection[str] = DTYPES
) -> dict[str, np.ndarray]:
    """The values of a flat mapping as numpy arrays, which may share their memory.

    Raises:
        TypeError: `mapping` is not flat, or holds what is no array of these dtypes; all are named.
    """
    if not isinstance(mapping, Mapping) or isinstance(mapping, nnx.Pytree | nnx.State):
        call = f"{what}(jaxconv.state_dict(model){', path' if what == 'save_file' else ''})"
        raise TypeError(
            f"`mapping` must map names to arrays, got {type(mapping).__name__}; for a model write {call}"
        )
    arrays, problems = {}, []
    for name, value in mapping.items():
        if not isinstance(name, str):
            problems.append(f"{name!r}: names must be str, got {type(name).__name__}")
            continue
        try:
            arrays[name] = as_numpy(value)
        except TypeError as error:
            nested = "; flatten it with jaxconv.state_dict" if isinstance(value, Mapping) else ""
            problems.append(f"{name!r}: {error}{nested}")
        else:
            if arrays[name].dtype.name not in dtypes:
                problems.append(
                    f"{name!r}: .safetensors files have no {arrays[name].dtype.name}, .pt files do"
                )
    if problems:
        raise TypeError(f"{what} cannot take this `mapping`:\n\t" + "\n\t".join(problems))
    return arrays
