"""Kernels that do not fit this jaxlib, or are missing, never keep JAX from working."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import jaxconv

ROOT = Path(__file__).resolve().parents[3]
NATIVE = ROOT / "native"
COMPILER = shutil.which("g++") or shutil.which("clang++")

LOADED = """
import importlib.util, sys, warnings
spec = importlib.util.spec_from_file_location("jaxconv._native", sys.argv[1])
sys.modules["jaxconv._native"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["jaxconv._native"])
"""

COMPUTES = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import jax, jax.numpy as jnp, jaxconv
    assert (jnp.ones(3) + 1).tolist() == [2, 2, 2]
    x, w = jnp.ones((1, 4, 9, 9)), jnp.ones((4, 1, 3, 3))
    for _ in range(2):
        assert float(jaxconv.functional.conv2d(x, w, groups=4).max()) == 9
    assert "custom_call @jaxconv" not in jax.jit(lambda x: jaxconv.functional.conv2d(x, w, groups=4)).lower(x).as_text()
    found = jaxconv.kernels()
    assert found.instruction_set is None and str(found).startswith("no kernels: "), found
said = [str(w.message) for w in caught if "kernels" in str(w.message)]
print("\\n".join(said))
"""


def run(code, *arguments, **environment):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()


@pytest.fixture(scope="module")
def too_new(tmp_path_factory):
    """The kernels, compiled with headers that claim to be of FFI version 0.99."""
    if COMPILER is None:
        pytest.skip("no C++ compiler on PATH to build a binary of another version with")
    folder = tmp_path_factory.mktemp("native")
    shutil.copytree(NATIVE / "third_party", folder / "include")
    header = folder / "include" / "xla" / "ffi" / "api" / "c_api.h"
    text = header.read_text()
    assert text.count("#define XLA_FFI_API_MINOR 3\n") == 1
    header.write_text(text.replace("#define XLA_FFI_API_MINOR 3\n", "#define XLA_FFI_API_MINOR 99\n"))
    binary = folder / "_native.so"
    flags = ["-shared", "-fPIC", "-std=c++17", "-O0", "-w", "-DPy_LIMITED_API=0x030B0000"]
    flags += ["-undefined", "dynamic_lookup"] if sys.platform == "darwin" else []
    include = [f"-I{folder / 'include'}", f"-I{sysconfig.get_path('include')}"]
    sources = sorted(NATIVE.glob("*.cc"))
    subprocess.run([COMPILER, *flags, *include, *sources, "-o", binary], check=True, timeout=300)
    return binary


def test_kernels_of_a_newer_version_are_left_out_with_one_warning(too_new):
    (said,) = run(LOADED + COMPUTES, too_new)
    assert said.startswith(
        "jaxconv runs without its CPU kernels, which is slower: this jaxlib does not accept them"
    )
    assert "0.99" in said and "install a jaxlib that accepts FFI version 0.99" in said
    assert "compiler" not in said, "compiling again makes a binary of the same version"


def test_kernels_without_a_version_are_left_out_with_one_warning():
    (said,) = run(
        "import sys, types\nsys.modules['jaxconv._native'] = types.ModuleType('_native')\n" + COMPUTES
    )
    assert "they were compiled for another version of jaxconv" in said and "--force-reinstall" in said


def test_missing_kernels_are_reported_by_the_first_convolution():
    (said,) = run("import sys\nsys.modules['jaxconv._native'] = None\n" + COMPUTES)
    assert "they were not compiled when jaxconv was installed" in said and "JAXCONV_KERNELS=0" in said


def test_kernels_that_were_switched_off_are_not_reported():
    assert run(COMPUTES, JAXCONV_KERNELS="0") == []


def test_kernels_says_which_run():
    found = jaxconv.kernels()
    assert found.instruction_set in ("any", "neon", "avx2", "avx512") and found.reason == ""
    assert str(found) == f"kernels for the instruction set {found.instruction_set!r}"
