"""Converts public networks with `jaxconv.from_torch`: which convert, how exact they are, and whether they train.

Each network runs in a process of its own, with a limit of time and memory. A row that is in the file is not computed
again. The networks come from torchvision, timm, segmentation-models-pytorch, monai and transformers, if installed.
"""

import argparse
import fnmatch
import importlib
import json
import multiprocessing
import os
import resource
import signal
import time
import traceback
from pathlib import Path
from typing import Any

from benchmarks import xla_flags
from benchmarks.timing import machine
from benchmarks.zoo.networks import Entry, entries, versions

RESULTS = Path("docs/results/zoo.json")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """`--only`, `--train`, `--again`, `--seconds`, `--gib`, `--jobs`, `--out`."""
    command.add_argument(
        "--only",
        default="*",
        metavar="PATTERN",
        help="take only the networks whose names match PATTERN, such as timm:* (default: all)",
    )
    command.add_argument("--train", action="store_true", help="also run a training step of each network")
    command.add_argument(
        "--again",
        choices=("failed", "all"),
        help="repeat the rows of the file that failed, or all of them (default: neither)",
    )
    command.add_argument(
        "--seconds",
        type=int,
        default=900,
        help="end a network after this many seconds of processor time (default: %(default)s)",
    )
    command.add_argument(
        "--gib",
        type=float,
        default=8,
        help="give each network this many GiB of memory (default: %(default)s)",
    )
    command.add_argument(
        "--jobs", type=int, default=1, help="run this many networks at once (default: %(default)s)"
    )
    command.add_argument(
        "--out",
        type=Path,
        default=RESULTS,
        help="write JSON to this file, and a table next to it, with .md at the end (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> None:
    """Computes what is missing, and writes the rows after each."""
    for module in ("benchmarks.zoo.row", "parity._check"):  # once, before the processes are forked
        importlib.import_module(module)
    listed = list(entries())
    chosen = [e for e in listed if fnmatch.fnmatch(e.name, options.only)]
    rows = json.loads(options.out.read_text())["rows"] if options.out.exists() else {}
    tasks = [(e, kind) for kind in ("forward", *(("training",) if options.train else ())) for e in chosen]
    tasks = [(e, kind) for e, kind in tasks if _wanted(rows.get(e.name, {}), kind, options.again)]
    tasks.sort(key=lambda task: (task[0].cost > 8, task[1] == "training", task[0].cost))
    running: list[_Running] = []
    while tasks or running:
        while tasks and len(running) < options.jobs:
            running.append(_Running(*tasks.pop(0), options))
        time.sleep(0.1)
        for one in [r for r in running if r.finished()]:
            running.remove(one)
            row = one.row()
            rows.setdefault(one.entry.name, {"group": one.entry.group}).update(row)
            print(one.entry.name, one.kind, json.dumps(row), f"({len(tasks)} left)", flush=True)
            _write(options.out, rows, len(listed))
    _write(options.out, rows, len(listed))


def _wanted(row: dict[str, Any], kind: str, again: str | None) -> bool:
    done = row.get("ok" if kind == "forward" else "trains")
    return done is None or again == "all" or (again == "failed" and not done)


def _write(path: Path, rows: dict[str, Any], listed: int) -> None:
    ordered = dict(sorted(rows.items(), key=lambda item: (item[1]["group"], item[0])))
    document = {"machine": machine(), "versions": versions(), "listed": listed, "rows": ordered}
    path.with_suffix(".part").write_text(json.dumps(document, indent=1) + "\n")
    path.with_suffix(".part").replace(path)


class _Running:
    """A process that computes a row; forked, so that it imports nothing."""

    def __init__(self, entry: Entry, kind: str, options: argparse.Namespace):
        self.entry, self.kind, self.options = entry, kind, options
        self.most, self.end = 0.0, ""
        context = multiprocessing.get_context("fork")
        self.receiver, sender = context.Pipe(False)
        self.process = context.Process(target=_work, args=(entry, kind, options.seconds, sender))
        self.process.start()
        sender.close()

    def finished(self) -> bool:
        """Whether it has ended by itself, or by its limits."""
        if self.receiver.poll() or not self.process.is_alive():
            return True
        self.most = max(self.most, _resident(self.process.pid))
        if self.most > self.options.gib:
            self.end = f"took more than {self.options.gib:g} GiB of memory"
        if self.end:
            self.process.kill()
        return bool(self.end)

    def row(self) -> dict[str, Any]:
        """What it found."""
        try:
            row = self.receiver.recv() if self.receiver.poll() and not self.end else None
        except EOFError:
            row = None
        self.process.join()
        failed = (
            {"ok": False, "reason": ""} if self.kind == "forward" else {"trains": False, "train_reason": ""}
        )
        if row is None:
            if self.process.exitcode == -signal.SIGXCPU:
                self.end = f"took more than {self.options.seconds} s of processor time"
            reason = self.end or f"its process ended with status {self.process.exitcode}"
            row = {key: value or reason if "reason" in key else value for key, value in failed.items()}
        return row


def _work(entry: Entry, kind: str, seconds: int, sender: Any) -> None:
    from benchmarks.zoo import row

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 10))
    if kind == "training":
        # Half of the time would be the compiler's, and each gradient is compiled for one run.
        os.environ["XLA_FLAGS"] = " ".join((os.environ.get("XLA_FLAGS", ""), *xla_flags.FAST_COMPILATION))
    try:
        found = (row.forward if kind == "forward" else row.training)(entry)
    except Exception as error:
        traceback.print_exc()
        text = " ".join(f"{type(error).__name__}: {error}".split())[:400]
        found = (
            {"ok": False, "reason": text} if kind == "forward" else {"trains": False, "train_reason": text}
        )
    sender.send(found)
    sender.close()
    os._exit(0)  # without what libraries do at exit


def _resident(pid: int | None) -> float:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**30
    except OSError:
        return 0.0
