"""`load_file`: whatever is at the path."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxconv._files import checkpoint, detect, safetensors, torch_file
from jaxconv._files.arrays import StateDict
from jaxconv._files.limits import Budget, Damaged, Unshared

_INDEX = ".index.json"
_SINGLE = ("model.safetensors", "pytorch_model.bin", "diffusion_pytorch_model.safetensors")
_SUFFIXES = (".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".tar", ".th", ".pkl", ".model")


def load_file(
    path: str | os.PathLike[str], key: str | None = None, *, max_bytes: int | None = None
) -> StateDict:
    """Loads the state_dict in a file of safetensors or torch.save, a pickle, or several shards, in the file's order.

    The file is recognised by its contents, not its name. torch is not needed. No code in the file is run: tensors,
    containers, numbers, texts and NumPy arrays are read as data. An object of any other class becomes an inert
    stand-in, which `notes` lists. Entries of the state_dict that are not tensors (None, numbers, `_extra_state`)
    are skipped, and `notes` lists them too.

    The values are numpy arrays, with the dtypes of ml_dtypes for bfloat16 and float8, because JAX arrays
    would lose half of every float64 and int64 unless jax_enable_x64 is set; `load_state_dict` takes them.
    Names of one tensor, and tensors that share memory in the file, share it in the result.

    Args:
        path: the file; or the index of a sharded checkpoint (`*.index.json`), or a folder with either.
        key: the key of the state_dict in a checkpoint: "state_dict" in {"state_dict": ..., "epoch": 3}. "a.b"
            is `checkpoint["a"]["b"]`, or the attribute b of the object a. Not for .safetensors, which is flat.
        max_bytes: the limit, in bytes, of the memory for the tensors and of the file's size. By default the memory may
            be twice the file's size, and at least 256 MiB; a sparse file of more than 1 GiB is refused.

    Returns:
        A dict of names and arrays with the attributes `notes` and `metadata` (a .safetensors file's).

    Raises:
        FileNotFoundError, IsADirectoryError: as `open`; a folder without a checkpoint.
        ValueError: the file is something else (a git-lfs pointer, an HTML page, a TorchScript archive, a device, ...),
            is damaged, asks for more memory than it may, or is not a state_dict; `key` is not in it.
    """
    if os.path.isdir(path):
        path = _in_folder(Path(path))
    file, size = detect.opened(path, max_bytes)
    with file:
        kind = detect.kind(file, size, path)
        if kind == "index":
            return _sharded(_index(file, size, path), Path(path), key, max_bytes)
        budget = Budget(max_bytes, size)
        if kind == "safetensors":
            if key is not None:
                raise ValueError(f"`key` (={key!r}) must be None for a .safetensors file, which is flat")
            try:
                arrays, metadata = safetensors.read(file, size, budget)
            except Unshared as error:
                raise ValueError(f"{os.fspath(path)} {error}") from None
            except Damaged as error:
                raise ValueError(f"{os.fspath(path)} is not a valid .safetensors file: {error}") from None
            return StateDict(arrays, metadata=metadata)
        with torch_file.errors_of(path):
            content, foreign = torch_file.read(file, size, kind == "zip", budget)
            return checkpoint.state_dict(content, key, foreign, budget, path)


def _in_folder(folder: Path) -> Path:
    """The file in a folder that holds one model."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    indices = [p for p in files if p.name.endswith(_INDEX)]
    # Of two that hold the same weights, the one that needs no pickle.
    indices = [p for p in indices if p.name.endswith(f".safetensors{_INDEX}")] or indices
    single = [folder / name for name in _SINGLE if folder / name in files][:1]
    known = indices or single or [p for p in files if p.suffix.lower() in _SUFFIXES]
    if len(known) == 1:
        return known[0]
    if not known:
        raise IsADirectoryError(
            f"{folder} is a directory without a checkpoint: expected an index (*{_INDEX}), {', '.join(_SINGLE)}, "
            f"or one file that ends with one of {', '.join(_SUFFIXES)}"
        )
    names = ", ".join(p.name for p in known[:10])
    raise IsADirectoryError(f"{folder} is a directory with {len(known)} checkpoints, give one of: {names}")


def _index(file: IO[bytes], size: int, path: str | os.PathLike[str]) -> dict[str, str]:
    """Names and the files that they are in."""
    if size > 2**28:
        raise ValueError(f"{os.fspath(path)} is JSON of {size} bytes, not a checkpoint")
    try:
        document: Any = json.loads(file.read().decode())
    except RecursionError:
        document = None
    except ValueError:
        raise ValueError(
            f"{os.fspath(path)} begins like JSON but is not JSON, so it is not a checkpoint"
        ) from None
    weights = document.get("weight_map") if isinstance(document, dict) else None
    if not isinstance(weights, dict):
        raise ValueError(
            f"{os.fspath(path)} is JSON without a `weight_map`, so it is not the index of a sharded checkpoint: "
            "expected *.safetensors.index.json or *.bin.index.json"
        )
    if odd := [f"{n!r:.60}: {p!r:.60}" for n, p in weights.items() if not _is_plain_name(p)]:
        raise ValueError(
            f"{os.fspath(path)}: a shard must be a file next to the index, not {', '.join(odd[:5])}"
        )
    return weights


def _is_plain_name(name: Any) -> bool:
    """A name without a folder; it is not followed out of the checkpoint's own."""
    good = isinstance(name, str) and 0 < len(name) < 256 and name.isprintable()
    return good and not {*name} & {"/", "\\", ":"} and name not in (".", "..")


def _sharded(weights: dict[str, str], index: Path, key: str | None, max_bytes: int | None) -> StateDict:
    arrays: dict[str, np.ndarray] = {}
    notes: list[str] = []
    metadata: dict[str, str] = {}
    left = max_bytes
    for shard in dict.fromkeys(weights.values()):
        place = index.parent / shard
        if not place.exists():
            raise FileNotFoundError(f"{index} lists the shard {shard}, which does not exist")
        if shard.endswith(_INDEX) or place.is_dir():
            raise ValueError(f"{index} lists the shard {shard}, which is not a file of tensors")
        part = load_file(place, key, max_bytes=left)
        left = None if left is None else max(left - place.stat().st_size, 0)
        wanted = [name for name, file in weights.items() if file == shard]
        if missing := [name for name in wanted if name not in part]:
            raise ValueError(f"{place} lacks tensors that {index.name} lists: {_some(missing)}")
        arrays |= {name: part[name] for name in wanted}
        notes += [f"{shard}: {note}" for note in part.notes]
        notes += [
            f"{shard}: skipped {name!r}, which the index has not" for name in part if name not in weights
        ]
        metadata |= part.metadata
    return StateDict({name: arrays[name] for name in weights}, tuple(notes), metadata)


def _some(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
