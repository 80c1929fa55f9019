"""Cases as pytest's tests, as `python -m parity` runs them. What a case shows is judged in test_runner.py."""

import io
import json
import os
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import jax
import pytest
import torch
from rich.console import Console

import parity
from jaxconv_parity import cli
from parity._judge.verdict import Verdict, failed
from parity.suite import plugin, runner, sides
from parity.suite.tables import ALL

REFUSED = "conv2d/refused/functional/float32"
SELECTED = [case.id for case in ALL if case.id.startswith(REFUSED)]
STRIDES = [id for id in SELECTED if "s=0" in id or "s=-1" in id]


@pytest.fixture(autouse=True)
def _alone(tmp_path, monkeypatch):
    """What failed is remembered in the home directory; pytest within pytest, and JAX, are as before."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    threads, precision = torch.get_num_threads(), jax.config.jax_default_matmul_precision
    yield
    torch.set_num_threads(threads)
    jax.config.update("jax_default_matmul_precision", precision)


@pytest.fixture
def broken(monkeypatch):
    """Our conv2d takes strides that are not positive."""

    def conv2d(x, *args, stride=1, right=sides.jaxconv.functional.conv2d, **more):
        return x if stride in (0, -1) else right(x, *args, stride=stride, **more)

    with monkeypatch.context() as patch:
        patch.setattr(sides.jaxconv.functional, "conv2d", conv2d)
        yield patch


def selected(capsys, *options):
    assert cli.main(["--list", *options]) == cli.OK
    return capsys.readouterr().out.splitlines()


def document(*options, status=cli.OK):
    assert cli.main([*options, "--json=out.json"]) == status
    return json.loads(Path("out.json").read_text())


def test_every_case_is_a_test_in_the_tables_order(capsys):
    assert selected(capsys) == [case.id for case in ALL]


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("CONV2D and k=1,s=2x3 and nnx", lambda id: "conv2d" in id and "k=1,s=2x3" in id and "/nnx/" in id),
        ("not (Pool or conv)", lambda id: "pool" not in id.lower() and "conv" not in id.lower()),
        (ALL[-1].id, lambda id: id == ALL[-1].id),
    ],
)
def test_selection_is_pytest_s_and_takes_what_ids_are_made_of(expression, wanted, capsys):
    expected = [case.id for case in ALL if wanted(case.id)]
    assert 0 < len(expected) < len(ALL) and selected(capsys, "-k", expression) == expected


def test_ids_have_nothing_else_that_an_expression_cannot_have():
    for case in ALL:
        assert set(case.id.lower().translate(plugin._KEYWORD)) <= set(
            "abcdefghijklmnopqrstuvwxyz0123456789_/:+.-"
        )
        assert not set(":+") & set(case.id)


def test_results_come_in_order_and_do_not_depend_on_processes():
    given = ("-k", "conv2d/batch and functional and float32", "--seed=3")
    alone, together = (document(*given, "-n", n)["cases"] for n in "02")
    ids = [c.id for c in ALL if "conv2d/batch/functional/float32" in c.id]
    assert [c["id"] for c in alone] == [c["id"] for c in together] == ids
    assert [c["verdicts"] for c in alone] == [c["verdicts"] for c in together]
    assert all(verdict["ratio"] is not None for case in alone for verdict in case["verdicts"])


def test_what_the_user_has_for_their_own_tests_changes_nothing(monkeypatch):
    Path("pytest.ini").write_text("[pytest]\naddopts = --nonesuch\n")
    Path("conftest.py").write_text("1 / 0\n")
    for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        monkeypatch.setenv(name, "-nonesuch")
    assert len(document("-k", f"{REFUSED} and s=", "-n1")["cases"]) == len(
        [id for id in SELECTED if "s=" in id]
    )
    assert os.environ["PYTEST_ADDOPTS"] == "-nonesuch"


def test_only_what_failed_last_is_run_again(broken, capsys):
    document("-n0", "-k", REFUSED, status=cli.DIFFERENT)
    capsys.readouterr()
    failing = selected(capsys, "--last-failed")
    assert failing == STRIDES
    broken.undo()
    assert len(document("--lf", "-n0")["cases"]) == len(failing)
    capsys.readouterr()
    assert len(selected(capsys, "--lf")) == len(ALL)


def test_the_first_that_differs_can_be_the_last(broken):
    cases = document("-n0", "-k", REFUSED, "-x", status=cli.DIFFERENT)["cases"]
    assert [case["ok"] for case in cases] == [True] * (len(cases) - 1) + [False] and len(cases) < len(
        SELECTED
    )


def test_junit_has_the_reasons(broken):
    assert cli.main(["-n0", "-k", REFUSED, "--junit=out.xml"]) == cli.DIFFERENT
    root = ElementTree.parse("out.xml").getroot()
    assert [case.get("name") for case in root.iter("testcase")] == SELECTED
    assert {case.get("classname") for case in root.iter("testcase")} == {"conv2d"}
    failures = [case.find("failure") for case in root.iter("testcase") if case.get("name") in STRIDES]
    assert ["refusal: torch refused, we did not" in f.get("message") for f in failures] == [True] * 2


def test_an_interrupted_run_says_so(monkeypatch, capsys):
    def interrupted(case, *rest, run=runner.run_case):
        if case.id in STRIDES:
            raise KeyboardInterrupt
        return run(case, *rest)

    monkeypatch.setattr(runner, "run_case", interrupted)
    assert cli.main(["-n0", "-k", REFUSED, "--json=out.json"]) == cli.COULD_NOT_RUN
    before = SELECTED.index(STRIDES[0])
    assert f"interrupted after {before} of {len(SELECTED)} cases" in capsys.readouterr().err
    assert not Path("out.json").exists()


CRASH = """
import os
from parity.suite import runner

def run_case(case, *rest, run=runner.run_case):
    if "s=0" in case.id:
        os._exit(9)
    return run(case, *rest)

runner.run_case = run_case
"""


def test_a_case_that_ends_its_process_differs_and_the_others_run(tmp_path, monkeypatch, capsys):
    (tmp_path / "sitecustomize.py").write_text(CRASH)  # for the worker alone
    paths = [str(tmp_path), str(Path(parity.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    assert cli.main(["-k", REFUSED, "-n1"]) == cli.DIFFERENT
    printed = capsys.readouterr().out
    assert f"1 of {len(SELECTED)} cases differ" in printed and f"FAILED {STRIDES[0]}" in printed
    assert "case: worker 'gw0' crashed while running" in printed


@pytest.mark.parametrize("terminal", [False, True])
def test_progress(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal)
    run = plugin.Run(console)
    run.cases = {"one": ALL[0], "two": ALL[1]}
    loop = run.pytest_runtestloop()
    next(loop)
    verdicts = [vars(Verdict("y", True, 0.5, 0.25, 10)), vars(failed("x", "lost"))]
    found = {"verdicts": verdicts, "seconds": 0.5}
    run.pytest_runtest_logreport(SimpleNamespace(nodeid="two", result_of_case=found))
    run.pytest_runtest_logreport(SimpleNamespace(nodeid="one", failed=False))
    with suppress(StopIteration):
        loop.send(True)
    assert [(r.case, r.ok, r.seconds) for r in run.results] == [(ALL[1], False, 0.5)]
    assert ("1 differ" in console.file.getvalue()) is terminal
