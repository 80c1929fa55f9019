"""Says on a terminal what is being compiled and compared."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from parity._report.text import printable

Tell = Callable[[str, float], None]
"""What is being done, and which share of the work is done by then: from 0 to 1."""


def silent(what: str, done: float) -> None:
    """Says nothing."""


@contextmanager
def shown(wanted: bool) -> Iterator[Tell]:
    """Shows a bar on stderr if that is a terminal; yields a function that moves it. It is gone at the end."""
    console = Console(stderr=True)
    if not wanted or not console.is_terminal or sys.stderr is None:
        yield silent
        return
    columns = (
        BarColumn(20),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    with bar:
        task = bar.add_task("", total=1.0)

        def tell(what: str, done: float) -> None:
            # Brackets in a layer's name are no markup of rich's.
            bar.update(task, description=printable(what).replace("[", "\\["), completed=done, refresh=True)

        yield tell
