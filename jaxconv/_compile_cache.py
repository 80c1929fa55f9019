"""The file in which `jaxconv.compile` remembers what was fastest; other processes write it too, and people edit it."""

import contextlib
import functools
import hashlib
import importlib.util
import json
import os
import platform
import secrets
import stat
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax

from jaxconv._lower import native

_PROGRAM, _VERSION = "jaxconv.compile", 3
_LARGEST = 2**24
_PATIENCE = 5.0
"""Seconds to wait for another process that is writing."""


class NotOurs(ValueError):
    """There is a file, and it is none of `jaxconv.compile`'s: it is neither used nor overwritten."""


def place(cache: str | os.PathLike[str] | None) -> Path | None:
    """Returns the cache file's path, or None if the user has no home directory to put it in."""
    given = cache or os.environ.get("JAXCONV_CACHE")
    if given:
        return Path(given)
    try:
        return Path.home() / ".cache" / "jaxconv" / "tuned.json"
    except RuntimeError:  # HOME is not set, and the user has no entry in the password file
        return None


def machine() -> tuple[Any, ...]:
    """All that decides, for one program, what is fastest."""
    device = jax.devices()[0]
    return (
        *(version_of(name) for name in ("jax", "jaxlib", "jaxconv")),
        *(device.platform, device.device_kind, platform.machine(), _processor()),
        *(os.cpu_count(), len(getattr(os, "sched_getaffinity", lambda _: ())(0))),
        *(native.isa(), os.environ.get("JAXCONV_ISA"), os.environ.get("JAXCONV_KERNELS"), kernels_hash()),
        os.environ.get("XLA_FLAGS"),
    )


@functools.cache
def version_of(package: str) -> str:
    """Returns the installed version, or '' if there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@functools.cache
def _processor() -> str:
    """The model, by which two machines of one architecture differ."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0].splitlines()
        x86 = ("vendor_id", "cpu family", "model", "model name", "stepping")
        names = (*x86, "CPU implementer", "CPU part", "CPU variant")
        return "; ".join(line for line in lines if line.partition(":")[0].strip() in names)
    return platform.processor()


@functools.cache
def kernels_hash() -> str:
    """Returns a hash of the compiled kernels, or '' if jaxconv was installed without them."""
    found = importlib.util.find_spec("jaxconv._native")
    if found is None or found.origin is None:
        return ""
    with contextlib.suppress(OSError):
        return hashlib.sha256(Path(found.origin).read_bytes()).hexdigest()
    return ""


def read(file: Path, accepted: Callable[[Any], Any]) -> dict[str, Any]:
    """The entries of the file. One that is not accepted, or all of a file that is none of ours, are left out.

    Args:
        file: the file.
        accepted: makes an entry of what stands in the file, or raises ValueError.
    """
    try:
        entries = _entries(file)
    except (OSError, ValueError) as error:
        warnings.warn(
            f"{file} is ignored: it is no file of jaxconv.compile ({type(error).__name__}: {error})",
            stacklevel=4,
        )
        return {}
    known, refused = {}, []
    for key, entry in entries.items():
        try:
            known[key] = accepted(entry)
        except ValueError as error:
            refused.append(str(error))
    if refused:
        warnings.warn(f"{file}: {len(refused)} entries are ignored: {refused[0]}", stacklevel=4)
    return known


def _entries(file: Path) -> dict[str, Any]:
    """What the file holds, unchecked.

    Raises:
        NotOurs: it is of another program, damaged, or of a later version.
        OSError: it cannot be read.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    with open(descriptor, "rb") as opened:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise NotOurs("it is not a regular file, or too large")
        text = opened.read(_LARGEST + 1)
    if not text.strip():
        return {}
    try:
        document = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise NotOurs(f"it is not JSON ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise NotOurs("it is JSON of another program")
    if {*document} == {"version", "settings"} and document["version"] == 1:
        return {}  # what was known by fewer things than count
    if document.get("program") != _PROGRAM or not isinstance(document.get("settings"), dict):
        raise NotOurs("it is JSON of another program")
    if document.get("version") == 2:
        return {}  # of settings without `blocks`
    if document.get("version") != _VERSION:
        raise NotOurs(f"its version is {document.get('version')!r:.20}, not {_VERSION}")
    return document["settings"]


def remember(file: Path, key: str, entry: Mapping[str, Any], accepted: Callable[[Any], Any]) -> None:
    """Adds an entry to what is in the file by then. A file of another program is left as it is, with a warning."""
    from filelock import FileLock  # 10 ms that only this needs

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f"{file.name}.lock"), timeout=_PATIENCE, mode=0o666):
            entries = {k: e for k, e in _entries(file).items() if _fits(e, accepted)} | {key: dict(entry)}
            _replace(file, {"program": _PROGRAM, "version": _VERSION, "settings": entries})
    except NotOurs as error:
        warnings.warn(
            f"what was measured is not remembered: {file} is not overwritten, since {error}; "
            "give another file as `cache`, or remove it",
            stacklevel=4,
        )
    except OSError as error:
        warnings.warn(f"what was measured cannot be remembered: {error}", stacklevel=4)


def _fits(entry: Any, accepted: Callable[[Any], Any]) -> bool:
    try:
        accepted(entry)
    except ValueError:
        return False
    return True


def _replace(file: Path, document: Any) -> None:
    """As a whole or not at all: another process may read it."""
    target = Path(os.path.realpath(file))
    # A name that nobody knows beforehand, and "x": a link that was laid there is not followed.
    new = target.with_name(f"{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(new, "x", encoding="utf-8") as opened:
            json.dump(document, opened, indent=1)
        os.replace(new, target)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
