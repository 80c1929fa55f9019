"""Compiles the CPU kernels in native/. Everything else about the package is in pyproject.toml.

The kernels are compiled against fixed FFI headers (native/third_party) and Python's stable ABI: one binary serves
every supported Python and every jaxlib since 0.10. Where the kernels cannot be compiled, the package is installed
without them and convolutions use XLA alone; `jaxconv.kernels()` says so.
"""

import re
import sys
import sysconfig
import tomllib
from pathlib import Path

from setuptools import Extension, setup

STABLE_ABI = not sysconfig.get_config_var("Py_GIL_DISABLED")  # free-threaded Python has no stable ABI yet


def kernels() -> list[Extension]:
    """Returns the extension module, or nothing on Windows: the sources use vector types that MSVC does not have."""
    if sys.platform == "win32":
        print("jaxconv is installed without its kernels: they do not support Windows", file=sys.stderr)
        return []
    sources = Path("native")
    return [
        Extension(
            "jaxconv._native",
            sorted(map(str, sources.glob("*.cc"))),
            depends=sorted(map(str, sources.rglob("*.h"))),
            define_macros=[("Py_LIMITED_API", "0x030B0000")] if STABLE_ABI else [],
            py_limited_api=STABLE_ABI,
            extra_compile_args=[
                "-isystemnative/third_party",
                "-std=c++17",
                "-O3",
                "-ffp-contract=fast",
                "-fvisibility=hidden",
                "-Wall",
                "-Wextra",
                "-Wno-psabi",
                "-g0",
            ],
            language="c++",
            optional=True,
        )
    ]


def readme() -> str:
    """Returns README.md for a package index, where links into the repository lead nowhere.

    With a Source in pyproject.toml's `urls` they lead there. Without one, a link is its text and the file's path.
    """
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = project.get("urls", {}).get("Source")

    def absolute(link: re.Match[str]) -> str:
        text, path = link.groups()
        return (
            f"[{text}]({source}/blob/v{project['version']}/{path})"
            if source
            else f"{text} (`{path.partition('#')[0]}`)"
        )

    return re.sub(
        r"\[([^]]+)\]\((?!https?://|#)([^)]+)\)", absolute, Path("README.md").read_text(encoding="utf-8")
    )


setup(
    long_description=readme(),
    long_description_content_type="text/markdown",
    ext_modules=kernels(),
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if STABLE_ABI else {},
)
