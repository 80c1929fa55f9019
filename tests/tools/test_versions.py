import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def requirements():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_the_page_has_the_table_that_the_command_prints():
    command = [sys.executable, ROOT / "tools" / "versions.py", "table"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    page = (ROOT / "docs" / "versions.md").read_text()
    (table,) = re.findall(r"<!-- versions -->\n((?:\|.*\n)+)", page)
    assert printed == table, "run python tools/versions.py table"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_python_has_one_version_of_each_package(python):
    seen = {}
    for requirement in requirements():
        if requirement.marker is None or requirement.marker.evaluate({"python_version": python}):
            assert len(requirement.specifier) == 1 and str(requirement.specifier).startswith("==")
            assert seen.setdefault(requirement.name.lower(), requirement) is requirement
    assert {"jax", "jaxlib", "flax", "numpy", "torch", "pytest", "setuptools"} <= set(seen)


def test_the_tests_run_with_those_versions():
    from importlib import metadata

    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for requirement in requirements():
        if requirement.name in ("jax", "jaxlib", "flax", "numpy", "torch") and (
            requirement.marker is None or requirement.marker.evaluate({"python_version": here})
        ):
            assert requirement.specifier.contains(metadata.version(requirement.name)), requirement
