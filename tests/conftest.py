"""Every test runs with 64-bit types available: float64 and int64 are among the dtypes that torch accepts."""

import functools
import gc
import os
import sys

from benchmarks import xla_flags

# Nearly all of the tests' time is XLA's compiler: without its optimisations they take a quarter of it. What is
# computed stays the same, but for rounding, which the bounds allow for. Programs as users compile them are judged by
# `python -m parity` and `make thorough`; XLA_FLAGS="" in the environment has the tests do so too.
if "XLA_FLAGS" not in os.environ:  # pytest-xdist's workers find what their parent has set
    os.environ["XLA_FLAGS"] = xla_flags.known(*xla_flags.FAST_COMPILATION)

# What a test compiles is not taken from, and not left in, the home directory.
os.environ.setdefault("JAXCONV_XLA_CACHE", "")

import jax
import pytest
import torch
from jax._src.interpreters import mlir
from sharing import in_ordinary_run

jax.config.update("jax_enable_x64", True)
# The cases are small: torch's and XLA's idle threads would only wait for each other.
torch.set_num_threads(1)

gc.set_threshold(100_000, 20, 100)

# JAX makes an MLIR context for every program, and registers all operations in it: a fifth of a small program's time.
mlir.make_ir_context = functools.cache(mlir.make_ir_context)


def pytest_addoption(parser):
    parser.addoption(
        "--thorough", action="store_true", help="the tests marked thorough, and all of torch's samples"
    )
    parser.addoption("--seeds", type=int, default=1, help="how often networks without a fault are compared")


def pytest_collection_finish():
    """What is imported by now stays: the garbage collector need not go through its millions of objects each time."""
    gc.freeze()


def pytest_collection_modifyitems(config, items):
    if config.getoption("--thorough"):
        return
    named = config.option.keyword or any("::" in argument for argument in config.args)
    turn = None if named else sys.version_info.minor // 2  # CI's 3.11 and 3.13 take different cases
    kept = in_ordinary_run(items, turn)
    stays = set(kept)
    left = [item for item in items if item not in stays]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    """Thousands of programs are compiled, each for one test: kept, they fill gigabytes."""
    yield
    jax.clear_caches()
    mlir.make_ir_context.cache_clear()
