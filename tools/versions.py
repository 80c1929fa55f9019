"""The versions that jaxconv is tested with: two sets, told apart by the Python version.

python tools/versions.py table                   the table of the README, from constraints.txt
python tools/versions.py freeze PYTHON PYTHON    writes constraints.txt: `pip freeze` of two environments in which
                                                 every test passed, the one with the older Python first. Both
                                                 need `pip install -e ".[test,bench]"`: what is missing in
                                                 them is missing in the file
"""

import argparse
import re
import subprocess
from pathlib import Path

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
OLD, NEW = 'python_version < "3.12"', 'python_version >= "3.12"'
SETS = {OLD: "3.11", NEW: "3.12 to 3.14 (tested on 3.13)"}
SHOWN = ("jax", "jaxlib", "flax", "numpy", "torch", "optax", "scipy")
_OWN = {"jaxconv", "pip", "torchcrepe"}
_HEADER = """\
# The exact versions that the tests run with. JAX 0.11 and newer need Python 3.12.
# Written by tools/versions.py; the ranges that are expected to work are in pyproject.toml.
"""


def frozen(python: str) -> dict[str, str]:
    """Returns the packages of an environment and their versions, without local parts such as +cpu."""
    command = [python, "-m", "pip", "freeze", "--exclude-editable", "--all"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    pairs = (line.partition("==")[::2] for line in lines if "==" in line)
    return {name: version.partition("+")[0] for name, version in pairs if name.lower() not in _OWN}


def freeze(old: str, new: str) -> str:
    """Returns the text of constraints.txt: a marker where the two environments differ."""
    sets = {OLD: frozen(old), NEW: frozen(new)}
    names = sorted({name for packages in sets.values() for name in packages}, key=str.lower)
    lines = []
    for name in names:
        versions = {marker: packages.get(name) for marker, packages in sets.items()}
        if len(set(versions.values())) == 1:
            lines.append(f"{name}=={versions[OLD]}")
        else:
            lines += [f"{name}=={version}; {marker}" for marker, version in versions.items() if version]
    return _HEADER + "\n".join(lines) + "\n"


def table() -> str:
    """Returns the versions of the packages that matter most as a Markdown table."""
    found: dict[str, dict[str, str]] = {marker: {} for marker in SETS}
    for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines():
        if match := re.fullmatch(r"([\w.-]+)==([\w.]+)(?:; (.*))?", line):
            name, version, marker = match.groups()
            for wanted in [marker] if marker else SETS:
                found[wanted][name.lower()] = version
    rows = [["Python", *SHOWN], ["---"] * (len(SHOWN) + 1)]
    rows += [[python, *(found[marker][name] for name in SHOWN)] for marker, python in SETS.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table")
    pair = commands.add_parser("freeze")
    pair.add_argument("old")
    pair.add_argument("new")
    options = parser.parse_args()
    if options.command == "table":
        print(table())
    else:
        CONSTRAINTS.write_text(freeze(options.old, options.new), encoding="utf-8")


if __name__ == "__main__":
    main()
