"""Opening a file that may be anything, and saying what it is by its content, whatever its name."""

import os
import stat
from pathlib import Path
from typing import IO

_HEAD = 512
_SPARSE = 2**30
"""Bytes above which a file that is mostly holes is refused."""

_GIVEN_AWAY: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "is compressed with gzip: gunzip it first"),
    (b"BZh", "is compressed with bzip2: bunzip2 it first"),
    (b"\xfd7zXZ\x00", "is compressed with xz: unxz it first"),
    (b"\x28\xb5\x2f\xfd", "is compressed with zstd: unzstd it first"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it first"),
    (b"Rar!", "is a RAR archive: unpack it first"),
    (b"\x93NUMPY", "is a single NumPy array: numpy.load reads it"),
    (b"\x89HDF\r\n\x1a\n", "is an HDF5 file (of Keras, perhaps), not one of torch's"),
    (b"GGUF", "is a GGUF file (of llama.cpp), not one of torch's"),
    (b"%PDF", "is a PDF document"),
    (b"\x89PNG", "is a PNG picture"),
    (b"\xff\xd8\xff", "is a JPEG picture"),
    (b"\x7fELF", "is a program"),
)
_OLD_PICKLES = tuple(b"( ] } ) c l I F L S U V X N K M J G".split())
_LFS = b"version https://git-lfs.github.com/"


def opened(path: str | os.PathLike[str], max_bytes: int | None) -> tuple[IO[bytes], int]:
    """The file and its size, without waiting for anybody to write to it.

    Raises:
        FileNotFoundError, IsADirectoryError, PermissionError: as `open`.
        ValueError: a device, a FIFO, a socket; more than `max_bytes`; a giant file of holes.
    """
    kinds = {
        stat.S_ISFIFO: "a FIFO",
        stat.S_ISCHR: "a device",
        stat.S_ISBLK: "a device",
        stat.S_ISSOCK: "a socket",
    }
    before = os.stat(path)
    if named := [kind for test, kind in kinds.items() if test(before.st_mode)]:
        raise ValueError(f"{os.fspath(path)} is {named[0]}, not a regular file")
    # Another file may have taken its place meanwhile: a FIFO is not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(path, "rb", opener=lambda name, _: os.open(name, flags))  # noqa: SIM115
    try:
        now = os.fstat(file.fileno())
        if not stat.S_ISREG(now.st_mode):
            raise ValueError(f"{os.fspath(path)} is not a regular file")
        size = now.st_size
        if max_bytes is not None and size > max_bytes:
            raise ValueError(f"{os.fspath(path)} has {size} bytes, more than `max_bytes` (={max_bytes})")
        on_disk = getattr(now, "st_blocks", size) * 512
        if max_bytes is None and size > _SPARSE and on_disk < size // 16:
            raise ValueError(
                f"{os.fspath(path)} is sparse: {size} bytes, of which {on_disk} are on disk; "
                f"if you trust the file, pass `max_bytes`"
            )
    except BaseException:
        file.close()
        raise
    return file, size


def kind(file: IO[bytes], size: int, path: str | os.PathLike[str]) -> str:
    """'safetensors', 'zip', 'index' (of a sharded checkpoint) or 'pickle'; the file is at its beginning afterwards.

    Raises:
        ValueError: it is empty, or something else, and what.
    """
    head = file.read(_HEAD)
    file.seek(0)
    if is_ := _other(head, size, path):
        raise ValueError(f"{os.fspath(path)} {is_}")
    if head.startswith(b"PK\x03\x04") or head.startswith(b"PK\x05\x06"):
        return "zip"
    if looks_like_safetensors(head, size):
        return "safetensors"
    if head.lstrip().startswith(b"{"):
        return "index"
    # A pickle begins with its protocol, or before protocol 2 with one of few operations.
    if head[0] == 0x80 and head[1:2] in tuple(b"\x02 \x03 \x04 \x05".split()):
        return "pickle"
    file.seek(size - 1)
    last = file.read(1)
    file.seek(0)
    if last == b"." and head[:1] in _OLD_PICKLES:
        return "pickle"
    if Path(path).suffix.lower() == ".safetensors":
        return "safetensors"
    raise ValueError(
        f"{os.fspath(path)} is not a checkpoint of a kind that is known: it begins with {head[:16]!r}; "
        "expected .safetensors, a file of torch.save, or a pickle"
    )


def looks_like_safetensors(head: bytes, size: int) -> bool:
    """Whether there is a JSON header of a possible length."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 8 and head[8:9] == b"{" and length < max(size, 2**27)


def _other(head: bytes, size: int, path: str | os.PathLike[str]) -> str | None:
    if not head:
        return "is empty"
    if head.startswith(_LFS):
        return "is a git-lfs pointer, not the file that it stands for: run `git lfs pull`"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head")):
        return "is an HTML page: the download gave a login, consent or error page instead of the file"
    if text.startswith((b"<?xml", b"<error")):
        return "is an XML document: the download gave an error message instead of the file, perhaps"
    if head[257:262] == b"ustar":
        return (
            "is a tar archive (or a file of torch before 0.2): unpack it, or load and save it with torch.load"
        )
    return next((is_ for magic, is_ in _GIVEN_AWAY if head.startswith(magic)), None)
