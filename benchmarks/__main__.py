"""Runs `python -m benchmarks` with `layers`, `networks`, `serving`, `lowerings`, `reasons`, `check` or `zoo`."""

import argparse
import sys

from benchmarks import check, layers, lowerings, networks, reasons, serving, zoo

COMMANDS = {
    "layers": layers,
    "networks": networks,
    "serving": serving,
    "lowerings": lowerings,
    "reasons": reasons,
    "check": check,
    "zoo": zoo,
}


def main(arguments: list[str]) -> None:
    """Runs a command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = (module.__doc__ or "").splitlines()[0]
        command = commands.add_parser(name, help=about, description=about)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    given = parser.parse_args(arguments)
    given.run(given)


if __name__ == "__main__":
    main(sys.argv[1:])
