"""The files of torch.save, of every age, and plain pickles: read without torch."""

import io
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np

from jaxconv._files.limits import Budget, Damaged
from jaxconv._files.torch_names import FUNCTIONS, Named
from jaxconv._files.unpickle import Bounded, Unpickler
from jaxconv._files.values import Foreign, Storage

_MAGIC = 0x1950A86A20F9469CFC6C
_CHUNK = 2**22
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError)


@contextmanager
def errors_of(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns all that reading a damaged or hostile file ends in into a ValueError that names the file."""
    try:
        yield
    except Damaged as error:
        raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: {error}") from None
    except (*_ZIP_ERRORS, UnicodeDecodeError) as error:
        raise ValueError(f"{os.fspath(path)} is not a checkpoint that can be read: {error}") from None


def read(file: IO[bytes], size: int, is_zip: bool, budget: Budget) -> tuple[Any, dict[str, int]]:
    """What was saved, its tensors not read yet; and how many objects were of each class that is no data.

    Tensors are read from `file` when they are asked for.

    Raises:
        Damaged, or one of zipfile's errors: the file is damaged, asks for too much, or is an archive of another kind.
    """
    return _read_zip(zipfile.ZipFile(file), size, budget) if is_zip else _read_pickles(file, size, budget)


def _read_zip(archive: zipfile.ZipFile, size: int, budget: Budget) -> tuple[Any, dict[str, int]]:
    names = {info.filename: info for info in archive.infolist()}
    budget.objects(4 * len(names))
    # zipfile takes memory for as much as an entry says that it has.
    if beyond := [name for name, info in names.items() if info.header_offset + info.compress_size > size]:
        raise Damaged(f"{beyond[0]!r:.60} ends after the end of the file")
    pickles = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    if not pickles:
        raise Damaged(_other_archive(names))
    root = min(pickles, key=len).removesuffix("data.pkl")
    if f"{root}constants.pkl" in names or any(name.startswith(f"{root}code/") for name in names):
        raise Damaged(
            "it is a TorchScript archive, a program. With torch installed, "
            "torch.save(torch.jit.load(PATH, map_location='cpu').state_dict(), 'weights.pt') writes its state_dict"
        )
    swapped = f"{root}byteorder" in names and _content(archive, names[f"{root}byteorder"], budget) == b"big"
    storages: dict[str, Storage] = {}

    def persistent(identity: Any) -> Any:
        dtype, key, count, _ = _storage_id(identity)
        if key not in storages:
            info = names.get(f"{root}data/{key}")
            nbytes = count * np.dtype(dtype).itemsize
            if info is None or info.file_size < nbytes:
                held = "is not in the file" if info is None else f"has {info.file_size} bytes, not {nbytes}"
                raise Damaged(f"the storage {key!r:.40} {held}")
            item = _swap_size(dtype) if swapped else 1
            storages[key] = Storage(dtype, nbytes, _record(archive, info, item, budget))
        storage = storages[key]
        return storage if storage.dtype == dtype else Storage(dtype, storage.nbytes, storage._read)

    unpickler = Unpickler({**FUNCTIONS, **_nested(budget)}, persistent, budget)
    content = _content(archive, names[f"{root}data.pkl"], budget)
    return unpickler.load(io.BytesIO(content)), unpickler.foreign


def _other_archive(names: Any) -> str:
    if any(name.endswith(".npy") for name in names):
        return "it is an .npz archive of NumPy: dict(numpy.load(PATH)) is a state_dict"
    if any(name.endswith(("/archive_format", "archive_format")) or "/models/" in name for name in names):
        return "it is an archive of torch.export: torch.export.load(PATH).state_dict is the state_dict"
    if any(name.endswith((".safetensors", ".pt", ".pth", ".bin")) for name in names):
        return "it is a zip archive with files in it: unpack it"
    return "it is a zip archive without a data.pkl, so none of torch.save"


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> bytes:
    budget.charge(info.file_size, f"{info.filename:.60}")
    with archive.open(info) as file:
        return file.read()


def _record(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, item: int, budget: Budget
) -> Callable[[], np.ndarray]:
    """Reads a storage straight into its array."""

    def load() -> np.ndarray:
        budget.charge(info.file_size, f"the storage {info.filename:.60}")
        memory = np.empty(info.file_size, np.uint8)
        with archive.open(info) as file:
            _fill(file, memory)
        return memory.reshape(-1, item)[:, ::-1].ravel() if item > 1 else memory

    return load


def _swap_size(dtype: str) -> int:
    """Bytes that stand in reverse order together."""
    size = np.dtype(dtype).itemsize
    return size // 2 if dtype.startswith("complex") else size


def _fill(file: Any, memory: np.ndarray) -> None:
    view, done = memory.data, 0
    while done < len(view):
        count = file.readinto(view[done : done + _CHUNK])
        if not count:
            raise Damaged(f"a storage ends after {done} of {len(view)} bytes")
        done += count


def _storage_id(identity: Any) -> tuple[str, str, int, Any]:
    """dtype, key, number of elements, and the view of another storage that it may be."""
    if not (
        isinstance(identity, tuple) and len(identity) in (5, 6) and identity[0] in ("storage", b"storage")
    ):
        raise Damaged("it refers to an object that is not a storage")
    kind, key, count = identity[1], identity[2], identity[4]
    if not isinstance(kind, Named):
        name = kind.name if isinstance(kind, Foreign) else type(kind).__name__
        raise Damaged(f"it has a storage of the class {name:.80}, whose dtype torch and JAX do not share")
    good = isinstance(key, str | int) and isinstance(count, int) and 0 <= count < 2**60
    if not good:
        raise Damaged("it has a storage without a name or size")
    return kind.dtype, str(key), count, identity[5] if len(identity) == 6 else None


def _read_pickles(file: IO[bytes], size: int, budget: Budget) -> tuple[Any, dict[str, int]]:
    """The files of torch before 1.6, which begin with a number; and pickles, which do not."""
    known: dict[str, Storage] = {}
    memory: dict[str, np.ndarray] = {}

    def persistent(identity: Any) -> Any:
        if isinstance(identity, tuple) and identity and identity[0] in ("module", b"module"):
            return identity[1] if len(identity) > 1 else None
        dtype, key, count, view = _storage_id(identity)
        nbytes = count * np.dtype(dtype).itemsize
        if key not in known:
            known[key] = Storage(dtype, nbytes, lambda: memory[key])
        if view is None:
            return known[key]
        if not (isinstance(view, tuple) and len(view) == 3):
            raise Damaged("a storage views another one without saying which part")
        _, start, count = view
        item = np.dtype(dtype).itemsize
        good = all(isinstance(n, int) and n >= 0 for n in (start, count))
        if not good or (start + count) * item > known[key].nbytes:
            raise Damaged("a storage views more bytes than another one has")
        return Storage(dtype, count * item, known[key]._read, start * item)

    unpickler = Unpickler({**FUNCTIONS, **_nested(budget)}, persistent, budget)
    rest = Bounded(file, size)
    content = unpickler.load(rest)
    if content != _MAGIC or not isinstance(content, int):
        return content, unpickler.foreign
    if unpickler.load(rest) != 1001:
        raise Damaged("it is of an unknown version of torch's old format")
    about = unpickler.load(rest)
    little = not isinstance(about, dict) or about.get("little_endian", True) is True
    unpickler.foreign.clear()
    content = unpickler.load(rest)
    keys = unpickler.load(rest)
    if not isinstance(keys, list) or not all(isinstance(k, str | int) and str(k) in known for k in keys):
        raise Damaged("its list of storages is not that of its tensors")
    for key in map(str, keys):
        memory[key] = _old_storage(file, size, known[key], little, budget)
    if missing := [key for key in known if key not in memory]:
        raise Damaged(f"the storage {missing[0]!r:.40} is not in the file")
    return content, unpickler.foreign


def _old_storage(file: IO[bytes], size: int, storage: Storage, little: bool, budget: Budget) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little" if little else "big")
    item = np.dtype(storage.dtype).itemsize
    if count * item < storage.nbytes or count * item > size - file.tell():
        raise Damaged(
            f"a storage has {count} elements in the file, and {storage.nbytes // item} in its tensors"
        )
    budget.charge(count * item, "a storage")
    memory = np.empty(count * item, np.uint8)
    _fill(file, memory)
    swap = 1 if little else _swap_size(storage.dtype)
    return memory.reshape(-1, swap)[:, ::-1].ravel() if swap > 1 else memory


def _nested(budget: Budget) -> dict[str, Any]:
    """A tensor that was pickled, not saved, holds a file of torch.save with its storage."""
    deep = [0]

    def storage(data: Any) -> Any:
        if not isinstance(data, bytes | bytearray) or deep[0]:
            raise Damaged("it has a tensor in a tensor")
        deep[0] = 1
        try:
            return _read_pickles(io.BytesIO(data), len(data), budget)[0]
        finally:
            deep[0] = 0

    return {"torch.storage._load_from_bytes": storage}
