"""`python -m parity model` and `record`: whole networks."""

import argparse
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
from jaxconv_parity.cli.networks import made, random_input, torch_network

_MODEL = """\
Is a Flax network the same as a torch network? Both are made by the factories given, get the same weights and a random
input, run forward and backward, and are judged layer by layer and end to end."""

_MODEL_EPILOG = """\
examples:
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --html report.html
  parity model nets.theirs:ResNet nets.ours:make --input image.npy --weights resnet.safetensors --train
  parity model timm:resnet50 nets.ours:make --input 1,3,224,224 --weights checkpoint.pth --key state_dict
  parity model torchvision:resnet50 nets.ours:make --input 1,3,224,224 --quick
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --size 225,223 --probe
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --reduce test_reduced.py
  parity model resnet.recording.safetensors nets.ours:make --device tpu

timm:NAME is timm.create_model(NAME), torchvision:NAME is torchvision.models.get_model(NAME), both without pretrained
weights: --weights has yours. Any other factory takes no arguments; it is a class, a function or a finished network. The
Flax one returns an NNX module, a bound Linen module, or a pair (Linen module, variables). A recording (parity record)
has its own input, mode and seed.

exit status: 0 the same network; 1 not the same; 2 it could not run."""

_RECORD = """\
Runs torch's side of `parity model` and writes it to a file, to be compared with a Flax network later or on another
machine, where the torch network's code need not be."""


def add_commands(commands: Any) -> None:
    """`model` and `record`."""
    model = commands.add_parser(
        "model",
        help="compare a torch network with a Flax network",
        description=_MODEL,
        epilog=_MODEL_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model.add_argument(
        "torch", metavar="PKG.MOD:TORCH_FACTORY|timm:NAME|torchvision:NAME|RECORDING.safetensors"
    )
    model.add_argument("flax", metavar="PKG.MOD:FLAX_FACTORY")
    _add_torch_side(model)
    model.add_argument(
        "--size",
        action="append",
        type=_size,
        metavar="SIZE",
        help="compare with the input in this size, too: 225,223, or a whole shape, or one number, a batch size. "
        "Again for each size",
    )
    model.add_argument(
        "--train-steps",
        type=int,
        default=0,
        metavar="STEPS",
        help="compare so many steps of training, too: SGD with momentum; --train for the training mode (%(default)s)",
    )
    model.add_argument(
        "--probe",
        action="store_true",
        help="if the networks agree, compare them where the input shows nothing, too: in other sizes, with larger "
        "numbers, in training mode and so on",
    )
    model.add_argument(
        "--reduce",
        type=Path,
        metavar="FILE.py",
        help="if the networks differ, write the smallest sub-networks and input that still do as a pytest file",
    )
    model.add_argument(
        "--convert",
        choices=("to_flax", "to_torch", "none"),
        default="to_flax",
        help="whose weights both get; none leaves each its own (%(default)s)",
    )
    model.add_argument(
        "--layout", choices=("NCHW", "NHWC"), help="of the Flax network (recognised by its layers)"
    )
    model.add_argument(
        "--device", choices=("cpu", "gpu", "tpu"), default="cpu", help="where Flax runs (%(default)s)"
    )
    model.add_argument(
        "--quick", action="store_true", help="compare the forward pass only; nothing is said of gradients"
    )
    model.add_argument("--no-progress", action="store_true", help="show no progress bar on stderr")
    model.add_argument("--html", type=Path, metavar="FILE", help="write the report as one HTML file")
    model.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML to FILE")
    model.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found to FILE")
    model.set_defaults(run=_model)
    record = commands.add_parser(
        "record", help="run torch's side and save it, to be compared later", description=_RECORD
    )
    record.add_argument("torch", metavar="PKG.MOD:TORCH_FACTORY|timm:NAME|torchvision:NAME")
    _add_torch_side(record)
    record.add_argument(
        "--platform",
        action="append",
        choices=("cpu", "gpu", "tpu"),
        help="where the Flax network may run; again for each (all)",
    )
    record.add_argument("--out", type=Path, required=True, metavar="FILE.safetensors", help="what is written")
    record.set_defaults(run=_record)


def _add_torch_side(command: Any) -> None:
    command.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="SHAPE|FILE.npy",
        help="in torch's layout, as 1x3x224x224: random numbers; or an array from a file. Again for each input",
    )
    command.add_argument(
        "--dtype",
        choices=("float32", "float64", "bfloat16", "float16"),
        default="float32",
        help="of random inputs (%(default)s)",
    )
    command.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="torch's state_dict in a file of torch.save or safetensors, or a folder: loaded into torch's",
    )
    command.add_argument(
        "--key", metavar="KEY", help="where in --weights the state_dict lies, as state_dict or ema.model"
    )
    command.add_argument(
        "--prefix",
        metavar="PREFIX",
        default="",
        help="what the names in --weights have in front, as module.; names without it are left out",
    )
    command.add_argument(
        "--train",
        action="store_true",
        help="in training mode, not in eval mode; a Linen network has the mode its factory gives it",
    )
    command.add_argument(
        "--seed", type=int, default=0, help="of inputs, factories, cotangents and noise (%(default)s)"
    )


def _torch_side(options: argparse.Namespace) -> tuple[Any, list[Any]]:
    """torch's network and its inputs."""
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
        raise Unusable(f"{' and '.join(alone)} need --weights")
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


def _size(text: str) -> int | tuple[int, ...]:
    """What `--size` says, as `parity.check` takes it."""
    try:
        numbers = tuple(int(n) for n in text.replace("x", ",").split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} must be a size such as 225,223, or one number") from error
    return numbers if len(numbers) > 1 else numbers[0]


def _recording(options: argparse.Namespace) -> tuple[Any, list[Any]]:
    """What `record` wrote."""
    import parity

    given = {"--input": options.input, "--weights": options.weights, "--train": options.train}
    given |= {"--key": options.key, "--prefix": options.prefix}
    if alone := [name for name, value in given.items() if value]:
        raise Unusable(f"a recording has its own input, weights and mode: leave out {', '.join(alone)}")
    try:
        return parity.load_recording(options.torch), []
    except OSError as error:
        raise Unusable(f"RECORDING (={options.torch!r}): {error}") from error


def _model(options: argparse.Namespace) -> int:
    require_torch()
    import jax

    if options.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    device = device_named(options.device)
    require_directories(options.html, options.junit, options.json, options.reduce)
    is_file = options.torch.endswith(".safetensors")
    if options.reduce is not None and (is_file or options.convert != "to_flax"):
        raise Unusable(
            "`--reduce` needs torch's network itself, and its weights: no recording and no --convert"
        )
    from flax import nnx
    from rich.console import Console

    import parity

    with jax.default_device(device):
        try:
            theirs, inputs = _recording(options) if is_file else _torch_side(options)
            ours = made(options.flax, "FLAX_FACTORY")
            if isinstance(ours, nnx.Module):
                training = theirs.module.training if is_file else options.train
                ours.train() if training else ours.eval()
            convert = None if options.convert == "none" else options.convert
            report = parity.check(
                theirs,
                ours,
                *inputs,
                sizes=options.size,
                convert=convert,
                layout=options.layout,
                seed=options.seed,
                quick=options.quick,
                train_steps=options.train_steps,
                probe=options.probe,
                progress=not options.no_progress,
            )
        except (ValueError, TypeError) as error:
            raise Unusable(str(error)) from error
    Console().print(report)
    if options.reduce is not None:
        _reduce(options, theirs, ours, inputs, report)
    if options.html is not None:
        report.save_html(options.html)
    if options.junit is not None:
        report.save_junit(options.junit)
    if options.json is not None:
        options.json.write_text(report.to_json(), encoding="utf-8")
    return OK if report.ok else DIFFERENT


def _reduce(options: argparse.Namespace, theirs: Any, ours: Any, inputs: list[Any], report: Any) -> None:
    """Writes the pytest file, or says why there is none."""
    if report.ok:
        print(f"nothing differs: {options.reduce} is not written")
        return
    import parity

    try:
        found = parity.reduce(
            theirs,
            ours,
            *inputs,
            file=options.reduce,
            made_by=(options.torch, options.flax),
            layout=options.layout,
            seed=options.seed,
            progress=not options.no_progress,
        )
    except (ValueError, TypeError) as error:
        print(f"{options.reduce} is not written: {error}")
        return
    shapes = " and ".join("x".join(map(str, shape)) for shape in found.shapes)
    print(f"reduced to {found.path or 'the network'} on {shapes}: python -m pytest {found.file}")


def _record(options: argparse.Namespace) -> int:
    require_torch()
    import jax

    if options.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    require_directories(options.out)
    import parity

    try:
        network, inputs = _torch_side(options)
        chosen = {} if options.platform is None else {"platforms": options.platform}
        recording = parity.record(network, *inputs, seed=options.seed, **chosen)
        recording.save(options.out)
    except (ValueError, TypeError) as error:
        raise Unusable(str(error)) from error
    size = options.out.stat().st_size / 2**20
    print(f"{options.out}: {len(recording.calls)} calls of layers, {size:.1f} MiB")
    return OK
