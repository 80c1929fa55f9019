"""Keeps what XLA compiled for later processes: most of a comparison's time is compilation."""

import contextlib
import hashlib
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path

import jax
from jax.experimental.compilation_cache import compilation_cache

_LARGEST = 2**30
"""Bytes that are kept; what was used least recently goes first."""

_WORTH = 0.1
"""Seconds of compilation from which a program is kept."""

_DIRECTORY = "jax_compilation_cache_dir"

_running = threading.Lock()


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """JAX's persistent compilation cache, where the user has none: in ~/.cache/jaxconv/xla, or `JAXCONV_XLA_CACHE`.

    JAX's settings are the user's again afterwards. Whoever can write to the directory can have this process run any
    code: it belongs to the user alone. An empty `JAXCONV_XLA_CACHE` keeps nothing.
    """
    directory = None if getattr(jax.config, _DIRECTORY) else _directory()
    # The settings are the process's: of two comparisons at once in its threads, one does without.
    if directory is None or not _running.acquire(blocking=False):
        yield
        return
    chosen = {
        _DIRECTORY: str(directory),
        "jax_compilation_cache_max_size": _LARGEST,
        "jax_persistent_cache_min_compile_time_secs": _WORTH,
    }
    before = {name: getattr(jax.config, name) for name in chosen}
    try:
        for name, value in chosen.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        _running.release()


def _directory() -> Path | None:
    """Where this machine's programs lie; None if there is no such place that is the user's alone."""
    given = os.environ.get("JAXCONV_XLA_CACHE")
    if given == "":
        return None
    try:
        above = Path(given) if given else Path.home() / ".cache" / "jaxconv" / "xla"
        directory = above / hashlib.sha256(_processor().encode()).hexdigest()[:16]
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except (OSError, RuntimeError):  # no home directory, or one that nothing can be written to
        return None
    mine = not hasattr(os, "getuid") or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    return directory if mine and os.access(directory, os.W_OK) else None


def _processor() -> str:
    """What machine code depends on: programs for one processor may not run on another with the same home directory."""
    with contextlib.suppress(OSError):
        first = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
        names = ("vendor_id", "model name", "flags", "Features", "CPU implementer", "CPU part")
        return "\n".join(line for line in first.splitlines() if line.startswith(names))
    return f"{platform.machine()} {platform.processor()}"
