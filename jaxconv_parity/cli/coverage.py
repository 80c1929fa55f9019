"""`python -m jaxconv coverage`. Exit status 0: from_torch takes the network; 1: it does not; 2: could not run."""

import argparse
import sys
from collections.abc import Sequence

from jaxconv_parity.cli.common import COULD_NOT_RUN, DIFFERENT, OK, Unusable, require_torch
from jaxconv_parity.cli.networks import random_input, torch_network

_ABOUT = """\
Says, before anything is converted, which of torch's operations a network uses, and which of them jaxconv.from_torch
does not cover or refuses, with the lines of the network's source."""

_EPILOG = """\
examples:
  python -m jaxconv coverage torchvision:resnet18 --input 1x3x224x224
  python -m jaxconv coverage nets.theirs:Transcriber --input 1x16000 --input 1x12:int64 --train

timm:NAME is timm.create_model(NAME), torchvision:NAME is torchvision.models.get_model(NAME), both with random weights.
Any other factory takes no arguments; it is a class, a function or a finished network.

exit status: 0 the network converts; 1 it does not; 2 the command could not run."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns the exit status; argparse itself exits with 2 on a bad option."""
    parser = argparse.ArgumentParser(prog="python -m jaxconv")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser(
        "coverage",
        help="what from_torch would say of a torch network",
        description=_ABOUT,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("torch", metavar="PKG.MOD:FACTORY|timm:NAME|torchvision:NAME")
    command.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SHAPE[:DTYPE]|FILE.npy",
        help="in torch's layout, as 1x3x224x224 or 1x12:int64 (float32); or an array from a file. Again for each input",
    )
    command.add_argument("--train", action="store_true", help="in training mode, not in eval mode")
    options = parser.parse_args(argv)
    try:
        return _coverage(options)
    except Unusable as error:
        print(f"jaxconv: {error}", file=sys.stderr)
        return COULD_NOT_RUN


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
