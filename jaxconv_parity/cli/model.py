"""`python -m parity model` and `record`: whole networks."""

import argparse
from pathlib import Path
from typing import Any

from jaxconv_parity.cli.common import (
    DIFFERENT,
    NAMES,
    OK,
    Unusable,
    device_named,
    require_directories,
    require_torch,
)
from jaxconv_parity.cli.networks import made
from jaxconv_parity.cli.torch_side import add_options, torch_side

_MODEL = """\
Compares a Flax network with a torch network. Both get the same weights and inputs and run forward and backward. The
report judges each layer on its own and the networks end to end. You choose no tolerance."""

_MODEL_EPILOG = f"""\
examples:
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --html report.html
  parity model nets.theirs:ResNet nets.ours:make --input image.npy --weights resnet.safetensors --train
  parity model timm:resnet50 nets.ours:make --input 1,3,224,224 --weights checkpoint.pth --key state_dict
  parity model torchvision:resnet50 nets.ours:make --input 1,3,224,224 --quick
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --size 225,223 --probe
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --reduce test_reduced.py
  parity model resnet.recording.safetensors nets.ours:make --device tpu

{NAMES} `--weights` loads your weights.
The Flax network is an NNX module, a bound Linen module, or a pair (Linen module, variables).
A recording, which `parity record` writes, has its own inputs, weights and mode.

exit status: 0 the networks are the same; 1 they differ; 2 the command could not run."""

_RECORD = """\
Runs the torch network and writes its results to a file. `parity model` compares the file with a Flax network later, or
on another machine that lacks the torch network's code."""

_RECORD_EPILOG = f"""\
examples:
  parity record nets.theirs:ResNet --input 1,3,224,224 --out net.safetensors
  parity record timm:resnet50 --input 1,3,224,224 --platform tpu --out net.safetensors
  parity model net.safetensors nets.ours:make --device tpu

{NAMES} `--weights` loads your weights.

exit status: 0 the file is written; 2 the command could not run."""


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
        "torch",
        metavar="TORCH_FACTORY",
        help="the torch network: PKG.MOD:NAME, timm:NAME, torchvision:NAME, or a recording FILE.safetensors",
    )
    model.add_argument("flax", metavar="FLAX_FACTORY", help="the Flax network: PKG.MOD:NAME")
    add_options(model)
    model.add_argument(
        "--size",
        action="append",
        type=_size,
        metavar="SIZE",
        help="also compare at this size: a spatial size such as 225,223, a complete shape, or one number as a batch "
        "size; repeat the option for each size",
    )
    model.add_argument(
        "--train-steps",
        type=int,
        default=0,
        metavar="STEPS",
        help="also compare this many steps of SGD with momentum, in the mode that --train selects "
        "(default: %(default)s)",
    )
    model.add_argument(
        "--probe",
        action="store_true",
        help="if the networks agree, also compare them where the input shows nothing, for example at another size, "
        "with larger numbers or in training mode",
    )
    model.add_argument(
        "--reduce",
        type=Path,
        metavar="FILE.py",
        help="if the networks differ, write the smallest sub-networks and input that still differ to this pytest file",
    )
    model.add_argument(
        "--convert",
        choices=("to_flax", "to_torch", "none"),
        default="to_flax",
        help="copy torch's weights to the Flax network, the Flax weights to torch's network, or none "
        "(default: %(default)s)",
    )
    model.add_argument(
        "--layout",
        choices=("NCHW", "NHWC"),
        help="pass the input to the Flax network in this layout (default: the layout of its layers)",
    )
    model.add_argument(
        "--device",
        choices=("cpu", "gpu", "tpu"),
        default="cpu",
        help="run the Flax network on this device (default: %(default)s)",
    )
    model.add_argument(
        "--quick", action="store_true", help="compare the forward pass only, without gradients"
    )
    model.add_argument("--no-progress", action="store_true", help="hide the progress bar on stderr")
    model.add_argument("--html", type=Path, metavar="FILE", help="write the report as one HTML page to FILE")
    model.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML to FILE")
    model.add_argument("--json", type=Path, metavar="FILE", help="write all results as JSON to FILE")
    model.set_defaults(run=_model)
    record = commands.add_parser(
        "record",
        help="run a torch network and save its results for a later comparison",
        description=_RECORD,
        epilog=_RECORD_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    record.add_argument(
        "torch",
        metavar="TORCH_FACTORY",
        help="the torch network: PKG.MOD:NAME, timm:NAME or torchvision:NAME",
    )
    add_options(record)
    record.add_argument(
        "--platform",
        action="append",
        choices=("cpu", "gpu", "tpu"),
        help="record the rounding limits for a Flax network on this device; repeat the option for each (default: all)",
    )
    record.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FILE.safetensors",
        help="write the recording to this file (required)",
    )
    record.set_defaults(run=_record)


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
            "`--reduce` needs torch's network and its weights: give no recording, and leave out --convert"
        )
    from flax import nnx
    from rich.console import Console

    import parity

    with jax.default_device(device):
        try:
            theirs, inputs = _recording(options) if is_file else torch_side(options)
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
        network, inputs = torch_side(options)
        chosen = {} if options.platform is None else {"platforms": options.platform}
        recording = parity.record(network, *inputs, seed=options.seed, **chosen)
        recording.save(options.out)
    except (ValueError, TypeError) as error:
        raise Unusable(str(error)) from error
    size = options.out.stat().st_size / 2**20
    print(f"{options.out}: {len(recording.calls)} calls of layers, {size:.1f} MiB")
    return OK
