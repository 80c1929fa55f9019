"""`python -m parity`, also `parity`. Exit status 0: all agree; 1: something differs; 2: could not run."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jaxconv_parity.cli import doctor as cli_doctor
from jaxconv_parity.cli import model as cli_model
from jaxconv_parity.cli import suite as cli_suite
from jaxconv_parity.cli.common import (
    COULD_NOT_RUN,
    DIFFERENT,
    OK,
    Unusable,
    found,
    require_torch,
)

_PARITY = """\
Compares torch with JAX: jaxconv's layers, or a network of yours with its torch original."""

_PARITY_EPILOG = """\
examples:
  parity                                                             compare jaxconv's layers with torch's
  parity model timm:resnet50 nets.ours:make --input 1,3,224,224      compare your port with torch's network
  parity doctor                                                      check this installation of JAX

Without a COMMAND, `suite` runs, with the options listed below. `parity COMMAND --help` shows the options of COMMAND."""

_FUZZ = """\
Draws random configurations of a layer and compares torch's layer with jaxconv's. If a configuration differs, the
command looks for the smallest one that still differs, and writes it to a file that pytest runs."""

_FUZZ_EPILOG = """\
examples:
  parity fuzz conv2d --examples 200 --seed 1 --out tests
  parity fuzz batch_norm1d --module nets.layers:BatchNorm1d

exit status: 0 all configurations agree; 1 one differs, or nothing was compared; 2 the command could not run."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; `suite` is what runs where no command is named."""
    main_parser = argparse.ArgumentParser(
        prog="parity",
        description=_PARITY,
        epilog=_PARITY_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main_parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    cli_suite.add_command(commands)
    cli_model.add_commands(commands)
    _add_fuzz(commands)
    cli_doctor.add_command(commands)
    return main_parser


def _add_fuzz(commands: Any) -> None:
    fuzz = commands.add_parser(
        "fuzz",
        help="search for a configuration of a layer that differs",
        description=_FUZZ,
        epilog=_FUZZ_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fuzz.add_argument("layer", metavar="LAYER", help="compare this layer, such as conv2d or batch_norm1d")
    fuzz.add_argument(
        "--examples",
        type=int,
        default=100,
        metavar="COUNT",
        help="draw COUNT configurations (default: %(default)s)",
    )
    fuzz.add_argument(
        "--seed",
        type=int,
        default=0,
        help="draw configurations and numbers from this seed (default: %(default)s)",
    )
    fuzz.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        default=Path(),
        help="write the pytest file into this directory (default: %(default)s)",
    )
    fuzz.add_argument(
        "--module",
        metavar="PKG.MOD:CLASS",
        help="compare this Flax layer, which takes torch's arguments and may take rngs (default: jaxconv's layer)",
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
