"""`python -m parity`, also `parity`. Exit status 0: all agree; 1: something differs; 2: could not run."""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

OK, DIFFERENT, COULD_NOT_RUN = 0, 1, 2

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
    return main_parser


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
    except BrokenPipeError:  # `parity --list | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return status


def _fail(message: str) -> int:
    print(f"parity: {message}", file=sys.stderr)
    return COULD_NOT_RUN


def _suite(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("torch") is None:
        return _fail("torch is not installed: pip install 'jaxconv[parity]'")
    import jax

    # Before JAX looks for devices: afterwards neither can be changed.
    jax.config.update("jax_enable_x64", True)
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_default_matmul_precision", options.precision)

    from parity import runner
    from parity.cases import ALL

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
    try:
        device = jax.devices(options.device)[0]
    except RuntimeError as error:
        return _fail(f"`--device` (={options.device}): JAX finds none: {error}")
    for path in (options.json, options.junit):
        if path is not None and not path.parent.is_dir():
            return _fail(f"{path}: there is no directory {path.parent}")

    import torch
    from rich.console import Console

    from parity import report

    # The cases are small; torch's and XLA's idle threads would only wait for each other.
    torch.set_num_threads(1)
    console, start = Console(), time.perf_counter()
    running = runner.run(cases, options.seed, device, options.precision)
    results = list(report.with_progress(running, len(cases), console))
    environment = report.environment(f"{device.platform} ({device.device_kind})")
    report.print_results(results, environment, time.perf_counter() - start, console)
    if options.json is not None:
        options.json.write_text(report.to_json(results, environment, options.seed, options.precision))
    if options.junit is not None:
        options.junit.write_text(report.to_junit(results))
    return OK if report.passed(results) else DIFFERENT
