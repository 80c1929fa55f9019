"""Arrays of torch, numpy and JAX, bit for bit: in memory and in .safetensors and .pt files."""

import contextlib
import json
import os
import pickle
import re
import secrets
import stat
import struct
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import jax
import numpy as np
from flax import nnx

# The dtypes that torch, JAX and numpy (with ml_dtypes) share, by that name, and safetensors' name for it.
_SAFETENSORS = {
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
_DTYPES = {*_SAFETENSORS, "complex128"}


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
    if value.dtype.name not in _DTYPES:
        raise TypeError(f"torch and JAX have no dtype {value.dtype.name} in common")
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
    if dtype not in _DTYPES:
        raise TypeError(f"torch and JAX have no dtype {dtype} in common")
    dense = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
    # As bytes: numpy() does not know bfloat16 and float8.
    return dense.reshape(-1).view(torch.uint8).numpy().view(dtype).reshape(tuple(tensor.shape))


def to_torch(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """The same names, shapes, dtypes and bits as torch tensors on the CPU, in fresh writable memory.

    Args:
        mapping: names to JAX, numpy or torch arrays; for a model, `to_torch(jaxconv.state_dict(model))`.

    Raises:
        TypeError: `mapping` is not flat, or holds values without a counterpart in torch; all are named.
        ImportError: torch is not installed.
    """
    arrays = _flat_arrays(mapping, "to_torch")
    torch = _import_torch("to_torch")
    return {
        name: torch.from_numpy(np.array(array).reshape(-1).view(np.uint8))
        .view(getattr(torch, array.dtype.name))
        .reshape(array.shape)
        for name, array in arrays.items()
    }


def load_file(path: str | os.PathLike[str], key: str | None = None) -> dict[str, np.ndarray]:
    """The state_dict in a .safetensors, .pt, .pth or .bin file, in the file's order.

    The values are numpy arrays, with the dtypes of ml_dtypes for bfloat16 and float8, because JAX arrays
    would lose half of every float64 and int64 unless jax_enable_x64 is set; `load_state_dict` takes them.
    Only tensors are read: no code in the file is run. A .safetensors file needs no torch.

    Args:
        path: the file.
        key: where in a checkpoint the state_dict lies: "state_dict" in {"state_dict": ..., "epoch": 3}. "a.b"
            is `checkpoint["a"]["b"]`. Not for .safetensors, which is flat.

    Raises:
        FileNotFoundError, IsADirectoryError: as `open`.
        ValueError: an unknown extension; the file is damaged or not a state_dict; `key` is not in it.
        ImportError: torch, needed for all but .safetensors, is not installed.
    """
    with open(path, "rb") as file:
        if _suffix(path, ".safetensors", ".pt", ".pth", ".bin") == ".safetensors":
            if key is not None:
                raise ValueError(f"`key` (={key!r}) must be None for a .safetensors file, which is flat")
            return _read_safetensors(file.read(), path)
        checkpoint = _read_pickle(file, path)
    found = _nested_mappings(checkpoint)
    whole = [name for name, value in found.items() if name and value and not _not_tensors(value)]
    hint = f"; it holds state_dicts under {', '.join(f'key={name!r}' for name in whole)}" if whole else ""
    if (key or "") not in found:
        what = f"a {type(checkpoint).__name__}" if key is None else f"nothing under key={key!r}"
        raise ValueError(f"{os.fspath(path)} holds {what}, not a state_dict{hint}")
    state_dict = found[key or ""]
    if problems := _not_tensors(state_dict):
        raise ValueError(f"{os.fspath(path)} is not a state_dict: {', '.join(problems)}{hint}")
    return {name: np.array(as_numpy(value)) for name, value in state_dict.items()}


def save_file(mapping: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write a state_dict to a .safetensors file (without torch) or a .pt or .pth file (as torch.save).

    The file is replaced as a whole or, when anything goes wrong, not at all. It keeps its mode; a new one
    gets what `open` would give it. Symbolic links are followed. `load_file` returns the names in this order.

    Args:
        mapping: names to JAX, numpy or torch arrays, such as `jaxconv.state_dict(model)`.
        path: the file; its directory must exist.

    Raises:
        TypeError: as `to_torch`; or a dtype that .safetensors lacks (complex128).
        ValueError: an unknown extension; a name that .safetensors cannot have; `path` is not a regular file.
        ImportError: torch, needed for .pt and .pth, is not installed.
    """
    if _suffix(path, ".safetensors", ".pt", ".pth") == ".safetensors":
        arrays = _flat_arrays(mapping, "save_file", _SAFETENSORS)
        header, ordered = _safetensors_header(arrays)

        def write(file: IO[bytes]) -> None:
            file.write(header)
            for array in ordered:
                file.write(array.tobytes())
    else:
        torch = _import_torch("save_file of .pt and .pth files")
        tensors = to_torch(mapping)

        def write(file: IO[bytes]) -> None:
            torch.save(tensors, file)

    _replace_file(path, write)


def _import_torch(what: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ImportError(f"{what} needs PyTorch: pip install torch") from error
    return torch


def _suffix(path: str | os.PathLike[str], *known: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise ValueError(f"the extension of `path` (={os.fspath(path)!r}) must be one of {', '.join(known)}")
    return suffix


def _flat_arrays(mapping: Mapping[str, Any], what: str, dtypes: Any = _DTYPES) -> dict[str, np.ndarray]:
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


def _safetensors_header(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, list[np.ndarray]]:
    """The file up to the data, and the arrays in the order of the data.

    The names stand in the header in the order of `arrays`, which `_read_safetensors` reads back. The data
    stand with the widest items first, since readers may need them aligned and the format allows no gaps.
    """
    if "__metadata__" in arrays:
        raise ValueError("'__metadata__' cannot name an array in a .safetensors file")
    ordered = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    offsets, end = {}, 0
    for name in ordered:
        offsets[name] = [end, end + arrays[name].nbytes]
        end += arrays[name].nbytes
    entries = {
        name: {"dtype": _SAFETENSORS[a.dtype.name], "shape": list(a.shape), "data_offsets": offsets[name]}
        for name, a in arrays.items()
    }
    text = json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text, [arrays[name] for name in ordered]


def _read_safetensors(data: bytes, path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    try:
        tensors = dict(deserialize(data))
    except SafetensorError as error:
        raise ValueError(f"{os.fspath(path)} is not a valid .safetensors file: {error}") from error
    dtypes = {code: name for name, code in _SAFETENSORS.items()}
    if unknown := [f"{name!r} ({t['dtype']})" for name, t in tensors.items() if t["dtype"] not in dtypes]:
        raise ValueError(
            f"{os.fspath(path)} has dtypes that torch and JAX do not share: {', '.join(unknown)}"
        )
    # The library has checked the header, and forgotten its order.
    header = json.loads(data[8 : 8 + struct.unpack_from("<Q", data)[0]])
    return {
        name: np.frombuffer(tensors[name]["data"], dtypes[tensors[name]["dtype"]]).reshape(
            tensors[name]["shape"]
        )
        for name in header
        if name in tensors
    }


def _read_pickle(file: IO[bytes], path: str | os.PathLike[str]) -> Any:
    torch = _import_torch("load_file of other files than .safetensors")
    try:
        return torch.load(file, weights_only=True, map_location="cpu")
    except pickle.UnpicklingError as error:
        # torch's text advises to switch the protection off; keep what it found.
        found = re.search(r"unsupported (global:? (global )?|operand )[\w.]+", str(error), re.IGNORECASE)
        reason = (
            f"it holds more than tensors, and nothing in it was run ({found[0] if found else 'unreadable'})"
        )
    except Exception as error:  # damaged files end in nearly any exception, KeyError among them
        reason = str(error).split(". ")[0] if isinstance(error, RuntimeError) else f"{error!r}"
    raise ValueError(f"{os.fspath(path)} is not a state_dict file: {reason}")


def _nested_mappings(checkpoint: Any) -> dict[str, Mapping[Any, Any]]:
    """Every mapping in the checkpoint by its dotted key, itself under ""; a pickle may have cycles."""
    found: dict[str, Mapping[Any, Any]] = {}
    seen = set()
    queue = [("", checkpoint)]
    for name, value in queue:
        if isinstance(value, Mapping) and id(value) not in seen:
            seen.add(id(value))
            found[name] = value
            children = [(key, child) for key, child in value.items() if isinstance(key, str)]
            queue += [(f"{name}.{key}" if name else key, child) for key, child in children]
    return found


def _not_tensors(mapping: Mapping[Any, Any]) -> list[str]:
    problems = []
    for name, value in mapping.items():
        if not isinstance(name, str):
            problems.append(f"the key {name!r} is not a str")
            continue
        try:
            as_numpy(value)
        except TypeError as error:
            problems.append(f"{name!r}: {error}")
    return problems


def _replace_file(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    target = os.path.realpath(path)
    old_mode = None
    with contextlib.suppress(FileNotFoundError):
        old_mode = os.stat(target).st_mode
    if old_mode is not None and not stat.S_ISREG(old_mode):
        if stat.S_ISDIR(old_mode):
            raise IsADirectoryError(f"`path` (={os.fspath(path)!r}) is a directory")
        raise ValueError(f"`path` (={os.fspath(path)!r}) must be a regular file")
    temporary = os.path.join(os.path.dirname(target), f".{secrets.token_hex(8)}.tmp")
    try:
        # "x" makes the file with the mode that open() gives; tempfile's would be private.
        with open(temporary, "xb") as file:
            if old_mode is not None:
                os.chmod(temporary, stat.S_IMODE(old_mode))
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
