"""Another package's `parity`, installed over ours, is noticed by the command, by `python -m parity` and by pytest."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import jaxconv_parity

ROOT = Path(jaxconv_parity.__file__).resolve().parent
TEST = "def test_anything():\n    pass\n\ndef test_port(assert_parity):\n    pass\n"


def test_ours_is_recognised():
    assert jaxconv_parity.is_ours()
    assert jaxconv_parity.pytest_plugins == ["parity.pytest_plugin"]


def run(folder, *arguments):
    command = [sys.executable, *arguments]
    environment = {"PATH": "", "PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(params=["__init__.py", "cli.py", "pytest_plugin.py", None])
def overwritten(request, tmp_path):
    """A folder with `parity`, one file of which is another package's; or all."""
    shutil.copy(ROOT / "jaxconv_parity.py", tmp_path)
    shutil.copytree(ROOT / "parity", tmp_path / "parity", ignore=shutil.ignore_patterns("__pycache__"))
    for name in [request.param] if request.param else ["__init__.py", "cli.py", "pytest_plugin.py"]:
        (tmp_path / "parity" / name).write_text('"""Another package."""\n')
    (tmp_path / "test_port.py").write_text(TEST)
    return tmp_path


@pytest.mark.parametrize("module", ["parity", "jaxconv_parity"])
def test_the_command_says_so_and_exits_with_2(overwritten, module):
    done = run(overwritten, "-m", module, "--list")
    assert done.returncode == 2 and "another package (such as parity-check)" in done.stderr


def test_pytest_warns_and_runs_the_tests_that_do_not_need_it(overwritten):
    done = run(overwritten, "-m", "pytest", "-p", "jaxconv_parity", "test_port.py")
    assert "1 passed, 1 warning, 1 error" in done.stdout
    assert (
        "another package (such as parity-check)" in done.stdout
        and "fixture 'assert_parity' not found" in done.stdout
    )


def test_the_plugin_s_name_is_ours_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"jaxconv-parity": "jaxconv_parity"}
    assert project["scripts"]["jaxconv-parity"] == project["scripts"]["parity"] == "jaxconv_parity:main"
