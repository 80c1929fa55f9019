"""Asks this installation's XLA which command-line flags it knows: an unknown flag in XLA_FLAGS aborts the process."""

import functools
import os
import subprocess
import sys

FAST_COMPILATION = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
"""Flags with which XLA compiles for CPUs in a quarter of the time, without most of its optimisations.

With the last one, LLVM compiles a program as one module instead of several at once, which takes less of the processor.
"""


@functools.cache
def known(*flags: str) -> str:
    """Returns those of `flags` that this XLA accepts, joined by spaces: a value for the variable XLA_FLAGS.

    XLA offers no other way to ask than to start a process with the flag. The process takes about a second.
    """
    return " ".join(flag for flag in flags if _accepts(flag))


def _accepts(flag: str) -> bool:
    environment = {**os.environ, "XLA_FLAGS": flag, "JAX_PLATFORMS": "cpu"}
    start = [sys.executable, "-c", "import jax; jax.devices()"]
    done = subprocess.run(start, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode and "Unknown flag" not in done.stderr:
        raise RuntimeError(f"JAX does not start with XLA_FLAGS={flag}: {done.stderr[-1000:]}")
    return done.returncode == 0
