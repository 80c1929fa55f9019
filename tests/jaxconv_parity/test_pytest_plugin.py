import subprocess
import sys
import tomllib
from pathlib import Path

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]

NETWORKS = """
    import jaxconv
    import numpy as np
    import torch
    from flax import nnx

    X = np.random.default_rng(0).standard_normal((2, 3), dtype=np.float32)

    class Times(jaxconv.Linear):
        def __call__(self, x):
            return self.factor * super().__call__(x)

    def pair(factor=1):
        ours = Times(3, 2, rngs=nnx.Rngs(0))
        ours.factor = factor
        return torch.nn.Linear(3, 2), ours
"""


TESTS = """
    def test_right(assert_parity):
        assert assert_parity(*pair(), X).ok

    def test_wrong(assert_parity):
        assert_parity(*pair(2), X, seed=3)

    def test_data(parity):
        assert not parity(*pair(2), X).ok

    def test_two(parity):
        assert [parity(*pair(f), X).ok for f in (2, 3)] == [True] * 2

    def test_another_failure(assert_parity):
        assert_parity(*pair(), X)
        assert 1 == 2
"""


def test_right_and_wrong_ports(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # installed or not: it is loaded once
    pytester.makepyfile(test_port=NETWORKS + TESTS)
    # In a process of its own: torch cannot be imported twice.
    result = pytester.runpytest_subprocess(
        "-p", "jaxconv_parity.pytest_plugin", "--parity-html", "made/reports", timeout=300
    )
    result.assert_outcomes(passed=2, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*_ test_wrong _*",
            "*the networks differ, see parity below",
            "*- parity -*",
            "NOT the same network: *",
        ]
    )
    shown = result.stdout.str()
    # One of test_wrong, two of test_two, none of test_data; and none of a test that failed for another reason.
    assert shown.count("NOT the same network") == 3 and shown.count("- parity -") == 3
    assert "pytest_plugin.py" not in shown  # the traceback ends in the test
    found = sorted(path.name for path in (pytester.path / "made/reports").iterdir())
    assert found == [f"test_port.py_test_{name}.html" for name in ("two_1", "two_2", "wrong")]
    assert "NOT the same network" in (pytester.path / "made/reports" / found[0]).read_text()


def test_pytest_finds_it_and_loading_it_costs_nothing():
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    code = (
        f"import sys, importlib; importlib.import_module({entry['jaxconv_parity.pytest_plugin']!r})\n"
        "print({'torch', 'jax', 'flax', 'matplotlib', 'jinja2', 'numpy'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert ran.stdout.strip() == "set()", ran.stderr
