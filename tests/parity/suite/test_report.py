import io
import json

import jax
import numpy as np
from rich.console import Console

from parity._judge.verdict import Verdict, failed
from parity._report.environment import environment as machine
from parity.suite import report, runner
from parity.suite.case import case

ARGS = {"in_channels": 4, "out_channels": 6, "kernel_size": 3}


def conv(group, **more):
    return case("conv2d", group, "functional", None, ARGS | more, (2, 4, 9, 8))


GOOD = runner.Result(
    conv("a"), (Verdict("y", True, 0.5, 0.25, 10), Verdict("grad.input", True, 0.75, 2.0, 20)), 0.5
)
EMPTY = runner.Result(conv("a", stride=2), (Verdict("y", True, 0.0, 0.0),), 0.25)
BAD = runner.Result(
    conv("b"),
    (Verdict("y", False, np.inf, 0.125, 5, 1, (0, 1), 2.0, "1 of 5 differ [sic]"), failed("x", "lost")),
    0.5,
)


def text(results):
    console = Console(file=io.StringIO(), width=80)
    report.print_results(results, {"jax": "1.2"}, 3.0, console)
    return console.file.getvalue()


def test_a_row_is_a_group():
    first, second = report.summarize([GOOD, BAD, EMPTY])
    assert first == report.Row("conv2d/a", 2, 2, 30, 0.75, 2.0, ())
    assert second == report.Row("conv2d/b", 1, 0, 5, np.inf, 0.125, (BAD.case.id,))


def test_nothing_compared_is_no_pass():
    assert report.passed([GOOD, EMPTY])
    assert not report.passed([EMPTY]) and not report.passed([]) and not report.passed([GOOD, BAD])
    assert "Nothing was compared." in text([EMPTY])


def test_the_text_has_the_table_the_failures_and_the_conclusion():
    shown = text([GOOD, BAD])
    assert "FAILED " + BAD.case.id in shown
    assert "y: 1 of 5 differ [sic] (ratio inf)" in shown and "x: lost" in shown
    assert "1 of 2 cases differ." in shown and f'-k "{BAD.case.id}"' in shown and "jax 1.2" in shown
    rows = {
        line.split()[0]: line.split()[1:] for line in shown.splitlines() if line.strip().startswith("conv2d/")
    }
    assert rows == {
        "conv2d/a": ["1", "1", "30", "0.75", "2", "0"],
        "conv2d/b": ["1", "0", "5", "inf", "0.125", "1"],
    }
    assert "All 1 cases agree." in text([GOOD])


def test_json():
    document = json.loads(report.to_json([GOOD, BAD], {"jax": "1.2"}, 7, "high"))
    assert (document["schema"], document["ok"], document["seed"], document["precision"]) == (
        1,
        False,
        7,
        "high",
    )
    assert document["environment"] == {"jax": "1.2"}
    assert [group["group"] for group in document["groups"]] == ["conv2d/a", "conv2d/b"]
    assert set(document) == {"schema", "ok", "seed", "precision", "environment", "groups", "cases"}
    bad = document["cases"][1]
    assert (bad["id"], bad["ok"], bad["seconds"]) == (BAD.case.id, False, 0.5)
    assert bad["verdicts"][0] == {
        "name": "y",
        "ok": False,
        "ratio": None,
        "torch_ratio": 0.125,
        "elements": 5,
        "failing": 1,
        "worst": [0, 1],
        "max_abs_diff": 2.0,
        "reason": "1 of 5 differ [sic]",
    }


def test_the_environment_names_versions():
    environment = machine("cpu (x)")
    assert environment["device"] == "cpu (x)" and environment["jax"] == jax.__version__
    assert {"machine", "python", "flax", "torch", "numpy"} <= set(environment)
