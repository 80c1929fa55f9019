"""`python -m parity`, also `parity`. Exit status 0: all agree; 1: something differs; 2: could not run."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxconv_parity.cli import model as cli_model
from jaxconv_parity.cli.common import (
    COULD_NOT_RUN,
    DIFFERENT,
    OK,
    Unusable,
    device_named,
    found,
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
  parity --json out.json --junit out.xml      for programs

exit status: 0 all cases agree; 1 at least one differs; 2 it could not run (no such device, a bad option, no
case selected, torch missing)."""

_FUZZ = """\
Draws configurations of a layer, compares torch's with ours, and shrinks the first that differs to the smallest: it is
written to a file that pytest runs."""

DTYPES = ("float32", "float64", "bfloat16", "float16", "complex64", "complex128", "int32", "int64", "bool")


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `suite` is what runs where no command is named."""
    main_parser = argparse.ArgumentParser(
        prog="parity", description="Is a port the same network as its torch original?"
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
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
    suite.add_argument("--list", action="store_true", help="print the selected cases' ids and run nothing")
    suite.add_argument(
        "--seed", type=int, default=0, help="the seed of all inputs, weights and cotangents (%(default)s)"
    )
    suite.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found to FILE")
    suite.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML to FILE")
    suite.set_defaults(run=_suite)
    cli_model.add_commands(commands)
    _add_fuzz(commands)
    return main_parser


def _add_fuzz(commands: Any) -> None:
    fuzz = commands.add_parser("fuzz", help="compare a layer in drawn configurations", description=_FUZZ)
    fuzz.add_argument("layer", help="conv2d, batch_norm1d, ...")
    fuzz.add_argument("--examples", type=int, default=100, help="how many configurations (%(default)s)")
    fuzz.add_argument("--seed", type=int, default=0, help="of the drawing (%(default)s)")
    fuzz.add_argument(
        "--out", type=Path, metavar="DIR", default=Path(), help="where the pytest file is written (.)"
    )
    fuzz.add_argument(
        "--module",
        metavar="PKG.MOD:CLASS",
        help="the Flax side: takes torch's arguments and, if it can, rngs (jaxconv's layer)",
    )
    fuzz.set_defaults(run=_fuzz)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns the exit status; argparse itself exits with 2 on a bad option."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    main_parser = parser()
    if arguments[:1] in (["-h"], ["--help"]):
        main_parser.print_help()
        print()
        arguments = ["suite", "--help"]
    elif not arguments or arguments[0].startswith("-"):
        arguments = ["suite", *arguments]
    options = main_parser.parse_args(arguments)
    try:
        status = options.run(options)
        sys.stdout.flush()
    except Unusable as error:
        return _fail(str(error))
    except BrokenPipeError:  # `parity --list | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return status


def _fail(message: str) -> int:
    from parity._report.text import printable

    print(printable(f"parity: {message}"), file=sys.stderr)
    return COULD_NOT_RUN


def _suite(options: argparse.Namespace) -> int:
    require_torch()
    import jax

    # Before JAX looks for devices: afterwards neither can be changed.
    jax.config.update("jax_enable_x64", True)
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_default_matmul_precision", options.precision)

    from parity.suite import runner
    from parity.suite.tables import ALL

    try:
        cases = runner.select(ALL, options.k, options.dtype)
    except ValueError as error:
        return _fail(str(error))
    if not cases:
        given = {"-k": options.k, "--dtype": options.dtype}
        asked = " and ".join(f"`{name}` (={value!r})" for name, value in given.items() if value)
        return _fail(f"no case of {len(ALL)} matches {asked}")
    if options.list:
        print("\n".join(case.id for case in cases))
        return OK
    device = device_named(options.device)
    require_directories(options.json, options.junit)

    import torch
    from rich.console import Console

    from parity._report.environment import environment as machine
    from parity.suite import report

    # The cases are small; torch's and XLA's idle threads would only wait for each other.
    torch.set_num_threads(1)
    console, start = Console(), time.perf_counter()
    running = runner.run(cases, options.seed, device)
    results = list(report.with_progress(running, len(cases), console))
    environment = machine(f"{device.platform} ({device.device_kind})")
    report.print_results(results, environment, time.perf_counter() - start, console)
    if options.json is not None:
        options.json.write_text(report.to_json(results, environment, options.seed, options.precision))
    if options.junit is not None:
        options.junit.write_text(report.to_junit(results))
    return OK if report.passed(results) else DIFFERENT


def _fuzz(options: argparse.Namespace) -> int:
    require_torch()
    from parity.suite import fuzz

    if options.layer not in fuzz.LAYERS:
        raise Unusable(f"LAYER (={options.layer!r}) must be one of {', '.join(fuzz.LAYERS)}")
    if options.examples < 1:
        raise Unusable(f"`--examples` (={options.examples}) must be at least 1")
    if not options.out.is_dir():
        raise Unusable(f"`--out` (={str(options.out)!r}) must be a directory")
    if options.module is not None:
        found(options.module, "--module")
    example, compared = fuzz.fuzz(options.layer, options.examples, options.seed, options.module)
    if example is None:
        print(f"{options.layer}: {compared} configurations agree (seed {options.seed}).")
        return OK if compared else DIFFERENT
    path = options.out / f"test_{options.layer}_seed{options.seed}.py"
    path.write_text(example.pytest_file(), encoding="utf-8")
    print(f"{example.example}\n{example.why}\n\nAgain: python -m pytest {path}")
    return DIFFERENT
