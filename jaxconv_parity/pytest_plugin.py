"""pytest fixtures `parity` and `assert_parity` and the option `--parity-html`; pytest loads it where it is installed.

def test_port(assert_parity):
    assert_parity(TorchNet().eval(), Net(rngs=nnx.Rngs(0)), x)
"""

import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jaxconv_parity import CONFLICT, is_ours

if TYPE_CHECKING:  # every pytest run loads this module: torch and JAX come with the first comparison
    from parity._report.report import Report

_REPORTS = pytest.StashKey[list["Report"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds `--parity-html`."""
    group = parser.getgroup("parity")
    group.addoption(
        "--parity-html",
        metavar="DIR",
        type=Path,
        help="write an HTML report into DIR for each comparison that failed its test",
    )


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Callable[..., "Report"]:
    """`parity.check`, which returns the report whatever it says; a test that fails shows it in short."""
    reports = request.node.stash.setdefault(_REPORTS, [])

    def check(torch_module: Any, flax_module: Any, *inputs: Any, **options: Any) -> "Report":
        if not is_ours():
            pytest.fail(CONFLICT)
        from parity._check.check import check

        reports.append(check(torch_module, flax_module, *inputs, **options))
        return reports[-1]

    return check


@pytest.fixture
def assert_parity(parity: Callable[..., "Report"]) -> Callable[..., "Report"]:
    """The same, and fails the test unless the networks are the same."""

    def check(torch_module: Any, flax_module: Any, *inputs: Any, **options: Any) -> "Report":
        __tracebackhide__ = True
        report = parity(torch_module, flax_module, *inputs, **options)
        if not report.ok:
            pytest.fail("the networks differ, see parity below")
        return report

    return check


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows the short reports of a test that failed, and writes their HTML."""
    result = yield
    if call.when == "call" and result.failed:
        wrong = [report for report in item.stash.get(_REPORTS, []) if not report.ok]
        for i, report in enumerate(wrong):
            text = report.short()
            directory = item.config.getoption("parity_html")
            if directory is not None:
                directory.mkdir(parents=True, exist_ok=True)
                name = re.sub(r"[^\w.-]+", "_", item.nodeid) + (f"_{i + 1}" if len(wrong) > 1 else "")
                path = directory / f"{name}.html"
                report.save_html(path)
                text += f"\n{path}"
            result.sections.append(("parity", text))
    return result
