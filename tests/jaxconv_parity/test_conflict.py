"""Another package's `parity`, installed over ours, is noticed by the command, by `python -m parity` and by pytest."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jaxconv_parity

ROOT = Path(jaxconv_parity.__file__).resolve().parents[1]
TEST = """
def test_anything():
    pass

def test_port(assert_parity):
    assert_parity(None, None)
"""


def test_ours_is_recognised():
    assert jaxconv_parity.is_ours()


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def copied(folder):
    for name in ("parity", "jaxconv_parity"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "test_port.py").write_text(TEST)
    return folder


@pytest.fixture
def overwritten(tmp_path):
    """A folder with `parity`, over which another package was installed."""
    copied(tmp_path)
    (tmp_path / "parity" / "__init__.py").write_text('"""Another package."""\n')
    return tmp_path


@pytest.mark.parametrize("module", ["parity", "jaxconv_parity"])
def test_the_command_says_so_and_exits_with_2(overwritten, module):
    done = run(overwritten, "-m", module, "--list")
    assert done.returncode == 2 and "another package (such as parity-check)" in done.stderr


def test_only_the_tests_that_use_the_checker_fail(overwritten):
    done = run(overwritten, "-m", "pytest", "-p", "jaxconv_parity.pytest_plugin", "test_port.py")
    assert "1 failed, 1 passed" in done.stdout and "another package (such as parity-check)" in done.stdout


def test_another_package_may_load_our_plugin_by_its_former_name(tmp_path):
    """parity-check's entry point is called parity.pytest_plugin, and the file may be ours."""
    copied(tmp_path)
    for names in (
        ("parity.pytest_plugin", "jaxconv_parity.pytest_plugin"),
        ("jaxconv_parity.pytest_plugin",) * 2,
    ):
        for order in (names, names[::-1]):
            plugins = [word for name in order for word in ("-p", name)]
            done = run(tmp_path, "-m", "pytest", *plugins, "-k", "anything", "test_port.py")
            assert "1 passed" in done.stdout, done.stderr


def test_the_plugin_s_name_is_ours_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    # The name is the module's, so that pytest sees that a second way to load it loads the same.
    plugin = "jaxconv_parity.pytest_plugin"
    assert project["entry-points"]["pytest11"] == {plugin: plugin}
    assert project["scripts"]["jaxconv-parity"] == project["scripts"]["parity"] == "jaxconv_parity:main"
