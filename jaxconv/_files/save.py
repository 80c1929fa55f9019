"""`save_file`: a file is written as a whole or not at all."""

import contextlib
import os
import secrets
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxconv._files import safetensors
from jaxconv._files.arrays import SAFETENSORS, flat_arrays, import_torch, to_torch

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX, _END = ".jaxconv-", ".tmp"
_YOUNG = 10.0
"""Seconds in which a new file gets its lock."""


def save_file(mapping: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Writes a state_dict to a .safetensors file (without torch) or a .pt or .pth file (as torch.save).

    The file is replaced completely or, if anything goes wrong, not at all. It keeps its mode and owner; a new file
    gets those that `open` would give it. Symbolic links are followed. `load_file` returns the names in this order.
    A .safetensors file holds tied weights, one array under several names, once. The other names are in its metadata.
    safetensors' own `load_model` reads such a file, and `load_file` returns all names.

    Args:
        mapping: names to JAX, numpy or torch arrays, such as `jaxconv.state_dict(model)`.
        path: the file; its directory must exist.

    Raises:
        TypeError: as `to_torch`; or a dtype that .safetensors lacks (complex128).
        ValueError: an unknown extension; a name that .safetensors cannot have; `path` is not a regular file.
        PermissionError: the file is read-only.
        OSError: the disk is full, as for any file.
        ImportError: torch, needed for .pt and .pth, is not installed.
    """
    if _suffix(path, ".safetensors", ".pt", ".pth") == ".safetensors":
        arrays = flat_arrays(mapping, "save_file", SAFETENSORS)
        aliases = _aliases(mapping, arrays)
        metadata = {"format": "pt", **aliases} if aliases else {}
        kept = {name: array for name, array in arrays.items() if name not in aliases}
        header, ordered = safetensors.header_of(kept, metadata)

        def write(file: IO[bytes]) -> None:
            file.write(header)
            for array in ordered:
                # As bytes, without a copy: the buffers of bfloat16 have no format.
                file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    else:
        torch = import_torch("save_file of .pt and .pth files")
        tensors = to_torch(mapping)

        def write(file: IO[bytes]) -> None:
            noting = _Noting(file)
            try:
                torch.save(tensors, noting)
            except RuntimeError:
                if noting.error is None:
                    raise
            if noting.error is not None:  # torch has its own text for it
                raise noting.error

    replace_file(path, write)


def _suffix(path: str | os.PathLike[str], *known: str) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in known:
        raise ValueError(f"the extension of `path` (={os.fspath(path)!r}) must be one of {', '.join(known)}")
    return suffix


def _aliases(mapping: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
    """Of each name but the first of one array, the first."""
    first: dict[Any, str] = {}
    found = {}
    for name, array in arrays.items():
        place = (
            (array.ctypes.data, array.shape, array.strides, array.dtype)
            if array.nbytes
            else id(mapping[name])
        )
        kept = first.setdefault(id(mapping[name]), first.setdefault(place, name))
        if kept != name:
            found[name] = kept
    return found


class _Noting:
    """A file for torch.save, which says that something went wrong, and not what."""

    def __init__(self, file: IO[bytes]):
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        """Writes, and keeps the error."""
        try:
            return self._file.write(data)
        except OSError as error:
            self.error = self.error or error
            raise

    def flush(self) -> None:
        """Nothing: it is flushed in the end."""


def replace_file(path: str | os.PathLike[str], write: Callable[[IO[bytes]], None]) -> None:
    """Writes a file as a whole or not at all; raises as `save_file`."""
    target = os.path.realpath(path)
    old = None
    with contextlib.suppress(FileNotFoundError):
        old = os.stat(target)
    if old is not None:
        _check_replaceable(old, target, path)
    folder = os.path.dirname(target)
    _clean(folder)
    temporary = os.path.join(folder, f"{_PREFIX}{secrets.token_hex(8)}{_END}")
    try:
        # "x" makes the file with the mode that open() gives; tempfile's would be private.
        with open(temporary, "xb") as file:
            if (
                fcntl is not None
            ):  # as long as it is held, nobody takes this file for one that was left behind
                with contextlib.suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if old is not None:
                if hasattr(os, "chown"):  # first, because it takes away some bits of the mode
                    with contextlib.suppress(OSError):
                        os.chown(temporary, old.st_uid, old.st_gid)
                os.chmod(temporary, stat.S_IMODE(old.st_mode))
            write(file)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _check_replaceable(old: os.stat_result, target: str, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(old.st_mode):
        raise IsADirectoryError(f"`path` (={os.fspath(path)!r}) is a directory")
    if not stat.S_ISREG(old.st_mode):
        raise ValueError(f"`path` (={os.fspath(path)!r}) must be a regular file")
    if not old.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise PermissionError(f"`path` (={os.fspath(path)!r}) is read-only: it is not replaced")


def _sync_folder(folder: str) -> None:
    """A name is kept over a power failure only when its folder has been written, too."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # some file systems have no such thing
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _clean(folder: str) -> None:
    """Removes what writers that were killed have left behind: nobody holds the lock of these files."""
    if fcntl is None:
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            ours = entry.name.startswith(_PREFIX) and entry.name.endswith(_END)
            if ours and entry.is_file(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _remove_if_left(entry)


def _remove_if_left(entry: os.DirEntry[str]) -> None:
    if time.time() - entry.stat(follow_symlinks=False).st_mtime < _YOUNG:
        return
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(entry.path)
    finally:
        os.close(descriptor)
