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
Runs jaxconv and torch on the same inputs and weights, forward and backward. Compares both with a reference in wider
precision, and judges every number by a bound on rounding errors that is derived for it. You choose no tolerance. The
table shows torch's own error next to jaxconv's."""

_EPILOG = """\
examples:
  parity                                      run all cases on the CPU
  parity -k "conv2d and groups and not linen" run the cases whose ids contain these words
  parity -k max_pool2d/nan --list             print the ids of the selected cases
  parity --dtype bfloat16 --seed 7            run the cases of one dtype, with other random numbers
  parity --last-failed -x                     run what differed last time, up to the first that still differs
  parity --json out.json --junit out.xml      write the results for other programs

exit status: 0 all cases agree; 1 at least one differs, or nothing was compared; 2 the command could not run (no such
device, a bad option, no case selected, torch missing) or was interrupted."""

DTYPES = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128", "int32", "int64", "bool")

_PROCESSES = 2


def add_command(commands: Any) -> None:
    """`suite`."""
    suite = commands.add_parser(
        "suite",
        help="compare jaxconv's layers with torch's (the default)",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    suite.add_argument(
        "--device",
        choices=("cpu", "gpu", "tpu"),
        default="cpu",
        help="run jaxconv on this device (default: %(default)s)",
    )
    suite.add_argument(
        "--precision",
        choices=("default", "high", "highest"),
        default="default",
        help="compute float32 in this precision of JAX; on GPUs and TPUs `default` rounds factors to TF32 or bfloat16, "
        "and the bounds follow (default: %(default)s)",
    )
    suite.add_argument("--dtype", choices=DTYPES, help="run only the cases of this dtype (default: all)")
    suite.add_argument(
        "-k",
        metavar="EXPRESSION",
        default="",
        help="run only the cases whose ids match EXPRESSION: words with and, or, not, parentheses (default: all)",
    )
    suite.add_argument(
        "--last-failed",
        "--lf",
        action="store_true",
        help="run only the cases that differed when they last ran",
    )
    suite.add_argument("-x", action="store_true", help="stop at the first case that differs")
    suite.add_argument(
        "-n",
        type=int,
        metavar="PROCESSES",
        help="run the cases in this many processes; 0 runs them in the command's own "
        f"(default: {_PROCESSES}; 0 on a TPU)",
    )
    suite.add_argument("--list", action="store_true", help="print the ids of the selected cases and run none")
    suite.add_argument(
        "--seed",
        type=int,
        default=0,
        help="draw inputs, weights and cotangents from this seed (default: %(default)s)",
    )
    suite.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON to FILE")
    suite.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML to FILE")
    suite.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    require_torch()
    if (options.n or 0) < 0:
        raise Unusable(f"`-n` (={options.n}) must be at least 0")
    if options.device == "tpu" and options.n:
        raise Unusable(
            f"`-n` (={options.n}) must be 0 with --device tpu, because only one process can use a TPU"
        )
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
        raise Unusable(f"`-k` (={options.k!r}) must be words with and, or, not and parentheses")
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
