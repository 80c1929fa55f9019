"""torch's side of `model` and `record`: its options, and the network and inputs that they describe."""

import argparse
from pathlib import Path
from typing import Any

from jaxconv_parity.cli.common import Unusable
from jaxconv_parity.cli.networks import random_input, torch_network


def add_options(command: Any) -> None:
    """The options of torch's side."""
    command.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SHAPE|FILE.npy",
        help="use random numbers of this shape, in torch's layout, such as 1,3,224,224, or the array in a file; repeat "
        "the option for each input",
    )
    command.add_argument(
        "--dtype",
        choices=("float32", "float64", "bfloat16", "float16"),
        default="float32",
        help="draw random inputs in this dtype (default: %(default)s)",
    )
    command.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="load this state_dict into the torch network: a file of torch.save or safetensors, or a folder with "
        "shards (default: the network's own weights)",
    )
    command.add_argument(
        "--key", metavar="KEY", help="take the state_dict under this key of --weights, such as ema.model"
    )
    command.add_argument(
        "--prefix",
        metavar="PREFIX",
        default="",
        help="take only the names in --weights with this prefix, such as module., and remove it (default: all names)",
    )
    command.add_argument(
        "--train",
        action="store_true",
        help="run the networks in training mode instead of eval mode; a Linen network keeps the mode of its factory",
    )
    command.add_argument(
        "--seed",
        type=int,
        default=0,
        help="draw inputs, initial weights, cotangents and noise from this seed (default: %(default)s)",
    )


def torch_side(options: argparse.Namespace) -> tuple[Any, list[Any]]:
    """Returns torch's network, with its weights and in its mode, and the inputs."""
    import numpy as np
    import torch

    if not options.input:
        raise Unusable("`--input` is needed to run the networks: a shape such as 1,3,224,224, or a .npy file")
    inputs = [
        random_input(text, options.dtype, np.random.default_rng([options.seed, i]))
        for i, text in enumerate(options.input)
    ]
    torch.manual_seed(options.seed)
    network = torch_network(options.torch)
    if options.weights is not None:
        _load(network, options)
    elif alone := [name for name, value in (("--key", options.key), ("--prefix", options.prefix)) if value]:
        raise Unusable(f"{' and '.join(alone)} must come with --weights")
    if isinstance(network, torch.nn.Module):
        network.train(options.train)
    return network, inputs


def _load(module: Any, options: argparse.Namespace) -> None:
    import jaxconv

    path, prefix = options.weights, options.prefix
    try:
        held = jaxconv.load_file(path, options.key)
        weights = {name.removeprefix(prefix): a for name, a in held.items() if name.startswith(prefix)}
        if held and not weights:
            first = next(iter(held))
            raise Unusable(f"`--prefix` (={prefix!r}): no name begins with it; the first is {first!r}")
        module.load_state_dict(jaxconv.to_torch(weights))
    except (OSError, RuntimeError, ValueError) as error:
        hint = _prefix_hint(module, weights) if isinstance(error, RuntimeError) else ""
        raise Unusable(f"`--weights` (={str(path)!r}): {error}{hint}") from error


def _prefix_hint(module: Any, weights: Any) -> str:
    """The prefix that all of the network's names have in the file, if they have one."""
    names = list(module.state_dict())
    ends = {name.removesuffix(names[0]) for name in weights if names and name.endswith(f".{names[0]}")}
    fitting = [end for end in sorted(ends, key=len) if all(end + name in weights for name in names)]
    return f"; with --prefix {fitting[0]} all names fit" if fitting else ""
