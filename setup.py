"""The kernels for CPUs (native/); all else is in pyproject.toml.

Where they cannot be compiled the package is installed without them, and convolutions are written for XLA alone.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from setuptools import Extension, setup


def kernels() -> list[Extension]:
    """The extension module, if there is jaxlib to have XLA's headers from."""
    jaxlib = find_spec("jaxlib")
    if jaxlib is None or jaxlib.origin is None:
        print("jaxconv is built without its kernels: jaxlib is not installed", file=sys.stderr)
        return []
    sources = Path("native")
    return [
        Extension(
            "jaxconv._native",
            sorted(map(str, sources.glob("*.cc"))),
            depends=sorted(map(str, sources.glob("*.h"))),
            include_dirs=[str(Path(jaxlib.origin).parent / "include")],
            extra_compile_args=[
                "-std=c++17",
                "-O3",
                "-ffp-contract=fast",
                "-Wno-psabi",
                "-g0",
            ],
            language="c++",
            optional=True,
        )
    ]


setup(ext_modules=kernels())
