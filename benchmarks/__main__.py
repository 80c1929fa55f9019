"""Measures the speed, the memory and the coverage of jaxconv and parity on this machine."""

import argparse
import sys

from benchmarks import check, layers, lowerings, networks, reasons, serving, zoo

EXAMPLES = {
    "layers": ("layers depthwise 1x1 --rounds 20 --json out.json", "layers --lowering xla"),
    "networks": ("networks --tune", "networks --training --batch 8", "networks --device gpu --batch 64"),
    "serving": ("serving MobileNetV2 --least --rounds 10 --seconds 2.5",),
    "lowerings": ("lowerings --device gpu", "lowerings depthwise stem --dtype bfloat16"),
    "reasons": ("reasons --json out.json",),
    "check": ("check --size 224", "check --size 64 --train"),
    "zoo": ("zoo --only 'timm:resnet*' --train",),
}
"""What the end of each command's help shows."""
COMMANDS = {
    "layers": layers,
    "networks": networks,
    "serving": serving,
    "lowerings": lowerings,
    "reasons": reasons,
    "check": check,
    "zoo": zoo,
}


def _epilog(examples: tuple[str, ...]) -> str:
    lines = "".join(f"\n  python -m benchmarks {example}" for example in examples)
    return f"examples:{lines}\n\nexit status: 0 everything was measured; 1 an error ended the command; 2 a bad option."


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    raw = argparse.RawDescriptionHelpFormatter
    examples = tuple(lines[0] for lines in EXAMPLES.values())
    main_parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=_epilog(examples), formatter_class=raw
    )
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        about = module.__doc__ or ""
        command = commands.add_parser(
            name,
            help=about.splitlines()[0],
            description=about,
            epilog=_epilog(EXAMPLES[name]),
            formatter_class=raw,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return main_parser


def main(arguments: list[str]) -> None:
    """Runs a command."""
    given = parser().parse_args(arguments)
    given.run(given)


if __name__ == "__main__":
    main(sys.argv[1:])
