"""`python -m parity` without a command: pytest on the suite's cases, and what they show."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

from jaxconv_parity.cli.common import (
    DIFFERENT,
    OK,
    Unusable,
    device_named,
    require_directories,
    require_torch,
)

_DESCRIPTION = """\
Runs jaxconv and torch side by side on the same inputs and weights, forward and backward, and judges every
number by a rounding-error bound derived for it: no tolerance is chosen. Both are measured against a
wider-precision reference; torch's own error is printed beside ours."""

_EPILOG = """\
examples:
  parity                                      everything, on the CPU
  parity -k "conv2d and groups and not linen" the cases whose ids contain these words
  parity -k max_pool2d/nan --list             which cases these are
  parity --dtype bfloat16 --seed 7            one dtype, other random numbers
  parity --last-failed -x                     what differed, up to the first that still does
  parity --json out.json --junit out.xml      for programs

exit status: 0 all cases agree; 1 at least one differs; 2 it could not run (no such device, a bad option, no
case selected, torch missing) or was interrupted."""

DTYPES = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128", "int32", "int64", "bool")

_PROCESSES = 2


def add_command(commands: Any) -> None:
    """`suite`."""
    suite = commands.add_parser(
        "suite",
        help="compare jaxconv's layers with torch's (what runs without a COMMAND)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    suite.add_argument(
        "--device", choices=("cpu", "gpu", "tpu"), default="cpu", help="where our side runs (%(default)s)"
    )
    suite.add_argument(
        "--precision",
        choices=("default", "high", "highest"),
        default="default",
        help="JAX's matmul precision. GPU and TPU compute float32 in less by default, and the bounds follow; "
        "CPU never does (%(default)s)",
    )
    suite.add_argument("--dtype", choices=DTYPES, help="only cases of this dtype")
    suite.add_argument(
        "-k", metavar="EXPRESSION", default="", help="only cases whose ids match: words, and, or, not, ( )"
    )
    suite.add_argument(
        "--last-failed", "--lf", action="store_true", help="only cases that differed when they last ran"
    )
    suite.add_argument("-x", action="store_true", help="stop at the first case that differs")
    suite.add_argument(
        "-n",
        type=int,
        metavar="PROCESSES",
        help=f"how many run cases; 0: this one ({_PROCESSES}; 0 on a TPU)",
    )
    suite.add_argument("--list", action="store_true", help="print the selected cases' ids and run nothing")
    suite.add_argument(
        "--seed", type=int, default=0, help="the seed of all inputs, weights and cotangents (%(default)s)"
    )
    suite.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found to FILE")
    suite.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML to FILE")
    suite.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    require_torch()
    if (options.n or 0) < 0:
        raise Unusable(f"`-n` (={options.n}) must be at least 0")
    if options.device == "tpu" and options.n:
        raise Unusable(f"`-n` (={options.n}) must be 0 with --device tpu, which one process has to itself")
    if options.device == "gpu":  # the processes share its memory
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

    import pytest
    from rich.console import Console

    from parity._report.environment import environment as machine
    from parity.suite import plugin, report
    from parity.suite.tables import ALL

    console, start = Console(), time.perf_counter()
    run = plugin.Run(console)
    given = [f"--seed={options.seed}", f"--device={options.device}", f"--precision={options.precision}"]
    given += [f"-k{options.k}"] if options.k else []
    given += [f"--dtype={options.dtype}"] if options.dtype else []
    given += ["--last-failed"] if options.last_failed else []
    if run.main(*given, "--collect-only") == pytest.ExitCode.USAGE_ERROR:
        raise Unusable("the cases could not be selected")
    if not run.cases:
        chosen = {"-k": options.k, "--dtype": options.dtype}
        asked = " and ".join(f"`{name}` (={value!r})" for name, value in chosen.items() if value)
        raise Unusable(f"no case of {len(ALL)} matches {asked}")
    if options.list:
        print("\n".join(case.id for case in run.cases.values()))
        return OK
    plugin.configure_jax(options.device, options.precision)
    device = device_named(options.device)
    require_directories(options.json, options.junit)
    processes = (0 if options.device == "tpu" else _PROCESSES) if options.n is None else options.n
    given += ["-p", "xdist", f"-n{processes}", "--dist=worksteal"] if processes else []
    given += ["-x"] if options.x else []
    given += [f"--junitxml={options.junit}"] if options.junit else []
    status = run.main(*given)
    results, environment = run.results, machine(f"{device.platform} ({device.device_kind})")
    if status != pytest.ExitCode.OK and all(result.ok for result in results):
        raise Unusable(f"interrupted after {len(results)} of {len(run.cases)} cases")
    report.print_results(results, environment, time.perf_counter() - start, console)
    if options.json is not None:
        options.json.write_text(report.to_json(results, environment, options.seed, options.precision))
    return OK if report.passed(results) else DIFFERENT
