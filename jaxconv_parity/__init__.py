"""The checker under a name that no other package has: a command, `python -m jaxconv_parity`, and the pytest plugin.

The package parity-check installs a module `parity` as well. Where both are installed, one overwrites files of the
other. This package notices that and says so, where the error would otherwise be one deep inside the other package.
"""

import importlib.util
import sys
from pathlib import Path

CONFLICT = (
    "the module `parity` is not, or not wholly, the one that comes with jaxconv: another package (such as "
    "parity-check) has installed files over it. Uninstall the other package, then install jaxconv again with "
    "pip's options --force-reinstall --no-deps"
)

MARK = "# Part of jaxconv (see jaxconv_parity)."
"""The line that tells our parity/__init__.py from that of another package."""


def is_ours() -> bool:
    """Whether `parity` is jaxconv's, and not another package's that was installed over it. Imports nothing."""
    spec = importlib.util.find_spec("parity")
    if spec is None or spec.origin is None:
        return False
    file = Path(spec.origin)
    return file.is_file() and MARK in file.read_text(encoding="utf-8")


def main() -> int:
    """Runs the command line of `python -m parity` and returns its exit status."""
    if not is_ours():
        print(f"parity: {CONFLICT}", file=sys.stderr)
        return 2
    from jaxconv_parity.cli import main

    return main()
