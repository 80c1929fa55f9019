"""The cases as pytest's tests: a table is a file of tests, a case is a test of its id's name.

`python -m parity` loads this plugin, and so does each of its processes; no other run of pytest does. JAX and torch are
imported where cases run, which takes longer than to select some.
"""

import importlib
import os
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from parity._judge.verdict import Verdict, failed
from parity._report.text import printable
from parity.suite import tables
from parity.suite.case import Case, Result

TABLES = Path(tables.__file__).parent

_KEYWORD = str.maketrans("=,", ":+")
"""What ids have and pytest's expressions cannot: replaced in the ids and in `-k` alike."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds what determines the cases' data and where they run."""
    group = parser.getgroup("parity")
    group.addoption("--seed", type=int, default=0)
    group.addoption("--dtype")
    group.addoption("--device", default="cpu")
    group.addoption("--precision", default="default")


def pytest_configure(config: pytest.Config) -> None:
    """Makes ready what is needed: selection, and where cases run the frameworks."""
    option = config.option
    option.keyword = option.keyword.translate(_KEYWORD)
    if not option.collectonly and not getattr(option, "numprocesses", None):
        import torch

        configure_jax(option.device, option.precision)
        # The cases are small; torch's and XLA's idle threads would only wait for each other.
        torch.set_num_threads(1)


def configure_jax(device: str, precision: str) -> None:
    """Configures JAX before it looks for devices: afterwards neither can be changed."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_default_matmul_precision", precision)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Takes a module of `parity.suite.tables` for a file of tests."""
    if file_path.parent != TABLES or file_path.name == "__init__.py":
        return None
    return _Table.from_parent(parent, path=file_path)


class _Table(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        dtype = self.config.option.dtype
        for case in importlib.import_module(f"{tables.__name__}.{self.path.stem}").CASES:
            if dtype in (None, case.dtype):
                yield CaseItem.from_parent(self, name=case.id, case=case)


class CaseItem(pytest.Item):
    """A case as a test.

    Attributes:
        case: what is compared.
        result: what was found, once it has run.
    """

    result: Result | None = None

    def __init__(self, *, case: Case, **more: Any):
        super().__init__(**more)
        self.case = case
        self.extra_keyword_matches.add(case.id.translate(_KEYWORD))

    def runtest(self) -> None:
        """Runs the case; fails with the reasons of every verdict that is not ok."""
        import jax

        from parity.suite import runner

        option = self.config.option
        self.result = runner.run_case(self.case, option.seed, jax.devices(option.device)[0])
        if not self.result.ok:
            reasons = [f"{v.name}: {v.reason}" for v in self.result.verdicts if not v.ok]
            pytest.fail(printable("\n".join(reasons or ["nothing was compared"])), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: CaseItem, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Puts the result into the report, as plain data that goes from one process to another."""
    report = yield
    if call.when == "call" and item.result is not None:
        verdicts = [asdict(verdict) | {"heat": ()} for verdict in item.result.verdicts]
        report.result_of_case = {"verdicts": verdicts, "seconds": item.result.seconds}  # type: ignore[attr-defined]
    return report


def _home() -> Path:
    """Where it is kept which cases differed: a user without a home directory has a temporary one."""
    try:
        return Path.home()
    except RuntimeError:
        return Path(tempfile.gettempdir())


class Run:
    """What was selected and found: a plugin of the process that prints the results.

    Attributes:
        cases: the selected cases by pytest's node id, in the tables' order.
        results: the results, in the order in which they came.
    """

    def __init__(self, console: Console) -> None:
        self.cases: dict[str, Case] = {}
        self._results: dict[str, Result] = {}
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._progress.add_task("comparing")

    @property
    def results(self) -> list[Result]:
        """The results in the cases' order, in whichever they came."""
        return [self._results[node] for node in self.cases if node in self._results]

    def main(self, *arguments: str) -> int:
        """Runs pytest on the tables, without what the user has for tests of their own; returns its exit status."""
        own = [
            *("-c", os.devnull, f"--rootdir={TABLES}", "--noconftest", "--disable-plugin-autoload"),
            *("-p", __name__, "-p", "no:terminal", "-p", "no:warnings", "--capture=no", "--assert=plain"),
            *("-o", "junit_suite_name=parity", "-o", f"cache_dir={_home() / '.cache/jaxconv/suite'}"),
        ]
        variables = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
        users = {name: os.environ.pop(name) for name in variables if name in os.environ}
        try:
            return pytest.main([*own, *arguments, str(TABLES)], [self])
        finally:
            os.environ.update(users)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keeps the selection. Where cases run in other processes, these select, and not this one."""
        self.cases = {item.nodeid: item.case for item in session.items if isinstance(item, CaseItem)}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self) -> Generator[None, object, object]:
        """Shows how many cases there were; nothing where the console is no terminal."""
        self._progress.update(self._task, total=len(self.cases))
        with self._progress:
            return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keeps the result. A case whose process has died is one that differs."""
        found = getattr(report, "result_of_case", None)
        if found is not None:
            verdicts = tuple(Verdict(**fields) for fields in found["verdicts"])
            result = Result(self.cases[report.nodeid], verdicts, found["seconds"])
        elif report.failed:
            result = Result(self.cases[report.nodeid], (failed("case", str(report.longrepr)),), 0.0)
        else:
            return  # of setup or teardown
        self._results[report.nodeid] = result
        failures = sum(not result.ok for result in self._results.values())
        self._progress.update(self._task, advance=1, description=f"comparing ({failures} differ)")
