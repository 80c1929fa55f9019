"""Times of several functions that two runtimes compute, taken in turns in one process."""

import ctypes
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from jaxconv._lower import native

PAUSE = 2e-3
"""Seconds between two functions. Much longer, and the processor itself goes to sleep: all become slower."""
WARM = 10e-3
"""Seconds for which a function is called before it is timed. torch's threads go on spinning after its last call and
take a core from whoever comes next: in the first milliseconds a matrix product of XLA's takes 1.7 times as long."""


def interleaved(
    functions: Mapping[str, Callable[[], Any]], rounds: int, inner: int = 3, least: bool = False
) -> dict[str, float]:
    """The median of each function's seconds, or the least of them: where others use the machine.

    In every round each function is called untimed for a while, after a pause, and then `inner` times timed: what else
    the machine does meets all of them alike, and no function is timed while another one's threads still spin.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            time.sleep(PAUSE)
            start = time.perf_counter()
            while time.perf_counter() - start < WARM:
                function()
            for _ in range(inner):
                start = time.perf_counter()
                function()
                times[name].append(time.perf_counter() - start)
    return {name: (min if least else statistics.median)(taken) for name, taken in times.items()}


def queued(
    functions: Mapping[str, Callable[[], Any]], wait: Callable[[Any], Any], rounds: int, least: float = 5e-3
) -> dict[str, float]:
    """The median of each function's seconds where a device works off a queue of calls.

    In every round as many calls as take about `least` seconds are made, of which the last is waited for; functions
    take turns.
    """
    calls = {}
    for name, function in functions.items():
        wait(function())
        start = time.perf_counter()
        wait(function())
        calls[name] = max(min(int(least / (time.perf_counter() - start)), 100), 2)
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            wait(function())
            start = time.perf_counter()
            for _ in range(calls[name] - 1):
                function()
            wait(function())
            times[name].append((time.perf_counter() - start) / calls[name])
    return {name: statistics.median(taken) for name, taken in times.items()}


def return_freed_memory() -> None:
    """From now on glibc gives large blocks back when they are freed: else the next call takes them without a trace."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        mmap_threshold = -3
        libc.mallopt(mmap_threshold, 2**17)


def peak(function: Callable[[], Any]) -> int | None:
    """Bytes of memory that a call takes at most beyond what is held before it; None where the system cannot tell."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        return None
    # What was freed and kept for later would be taken again without a trace.
    if hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
    try:
        reset.write_text("5")  # the peak is the present size again
    except OSError:
        return None

    def kilobytes(field: str) -> int:
        return next(
            int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field)
        )

    before = kilobytes("VmRSS:")
    function()
    return max(kilobytes("VmHWM:") - before, 0) * 2**10


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = named[0].split(":", 1)[1].strip() if named else cpu
    return {
        "cpu": cpu,
        "kernels": native.isa(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{name: version(name) for name in ("jax", "jaxlib", "flax", "torch", "numpy")},
        "load": os.getloadavg()[0],
    }


def ratio(values: list[float]) -> float:
    """The geometric mean."""
    return statistics.geometric_mean(values)
