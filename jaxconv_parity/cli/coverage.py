"""`python -m jaxconv coverage`. Exit status 0: from_torch takes the network; 1: it does not; 2: could not run."""

import argparse
import sys
from collections.abc import Sequence

from jaxconv_parity.cli.common import COULD_NOT_RUN, DIFFERENT, NAMES, OK, Unusable, require_torch
from jaxconv_parity.cli.networks import random_input, torch_network

_ABOUT = """\
Lists the torch operations that a network uses, without converting it. Shows which of them jaxconv.from_torch does not
cover or refuses, with the lines of the network's source."""

_EPILOG = f"""\
examples:
  python -m jaxconv coverage torchvision:resnet18 --input 1x3x224x224
  python -m jaxconv coverage nets.theirs:Transcriber --input 1x16000 --input 1x12:int64 --train

{NAMES}

exit status: 0 the network converts; 1 it does not; 2 the command could not run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns the exit status; argparse itself exits with 2 on a bad option."""
    options = parser().parse_args(argv)
    try:
        return _coverage(options)
    except Unusable as error:
        print(f"jaxconv: {error}", file=sys.stderr)
        return COULD_NOT_RUN


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line."""
    main_parser = argparse.ArgumentParser(
        prog="python -m jaxconv",
        description="Tells you about a torch network that you want to convert with jaxconv.from_torch.",
        epilog="example:\n  python -m jaxconv coverage torchvision:resnet18 --input 1x3x224x224",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = main_parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "coverage",
        help="list a network's operations, and those that from_torch does not cover",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "torch",
        metavar="TORCH_FACTORY",
        help="the torch network: PKG.MOD:NAME, timm:NAME or torchvision:NAME",
    )
    command.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SHAPE[:DTYPE]|FILE.npy",
        help="use a random input of this shape, in torch's layout, such as 1x3x224x224 or 1x12:int64, or the array in "
        "a file; repeat the option for each input (default dtype: float32)",
    )
    command.add_argument(
        "--train", action="store_true", help="trace the network in training mode instead of eval mode"
    )
    return main_parser


def _coverage(options: argparse.Namespace) -> int:
    require_torch()
    import numpy as np
    import torch

    from jaxconv._from_torch.coverage import coverage
    from parity._torch.tensors import from_numpy

    inputs = []
    for text in options.input:
        shape, _, dtype = text.partition(":") if not text.endswith(".npy") else (text, "", "")
        try:
            np.dtype(dtype or "float32")
        except TypeError as error:
            raise Unusable(f"`--input` (={text!r}): unknown dtype {dtype!r}") from error
        inputs.append(from_numpy(random_input(shape, dtype or "float32", np.random.default_rng(0))))
    network = torch_network(options.torch)
    if not isinstance(network, torch.nn.Module):
        raise Unusable(
            f"`TORCH_FACTORY` (={options.torch!r}) must give a torch.nn.Module, got {type(network).__name__}"
        )
    found = coverage(network.train(options.train), tuple(inputs))
    print(found)
    return OK if found.ok else DIFFERENT
