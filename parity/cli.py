"""`python -m parity`, also `parity`. Exit status 0: all agree; 1: something differs; 2: could not run."""

import argparse
import importlib
import importlib.util
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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

_MODEL = """\
Is a Flax network the same as a torch network? Both are made by the factories given, get the same weights and a random
input, run forward and backward, and are judged layer by layer and end to end."""

_MODEL_EPILOG = """\
examples:
  parity model nets.theirs:ResNet nets.ours:make --input 1,3,224,224 --html report.html
  parity model nets.theirs:ResNet nets.ours:make --input image.npy --weights resnet.safetensors --train

A factory takes no arguments; it is a class, a function or a finished network. The Flax one returns an NNX module, a
bound Linen module, or a pair (Linen module, variables).

exit status: 0 the same network; 1 not the same; 2 it could not run."""

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
    _add_model(commands)
    _add_fuzz(commands)
    return main_parser


def _add_model(commands: Any) -> None:
    model = commands.add_parser(
        "model",
        help="compare a torch network with a Flax network",
        description=_MODEL,
        epilog=_MODEL_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model.add_argument("torch", metavar="PKG.MOD:TORCH_FACTORY")
    model.add_argument("flax", metavar="PKG.MOD:FLAX_FACTORY")
    model.add_argument(
        "--input",
        action="append",
        required=True,
        metavar="SHAPE|FILE.npy",
        help="in torch's layout, as 1,3,224,224: random numbers; or an array from a file. Again for each input",
    )
    model.add_argument(
        "--dtype",
        choices=("float32", "float64", "bfloat16", "float16"),
        default="float32",
        help="of random inputs (%(default)s)",
    )
    model.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help="torch's state_dict, .safetensors or .pt: loaded into torch's",
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
        "--train",
        action="store_true",
        help="in training mode, not in eval mode; a Linen network has the mode its factory gives it",
    )
    model.add_argument(
        "--device", choices=("cpu", "gpu", "tpu"), default="cpu", help="where Flax runs (%(default)s)"
    )
    model.add_argument(
        "--seed", type=int, default=0, help="of inputs, factories, cotangents and noise (%(default)s)"
    )
    model.add_argument("--html", type=Path, metavar="FILE", help="write the report as one HTML file")
    model.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML to FILE")
    model.add_argument("--json", type=Path, metavar="FILE", help="write everything that was found to FILE")
    model.set_defaults(run=_model)


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


class Unusable(Exception):
    """What was asked for cannot run, and why."""


def _fail(message: str) -> int:
    print(f"parity: {message}", file=sys.stderr)
    return COULD_NOT_RUN


def _require_torch() -> None:
    if importlib.util.find_spec("torch") is None:
        raise Unusable("torch is not installed: pip install 'jaxconv[parity]'")


def _require_directories(*paths: Path | None) -> None:
    for path in paths:
        if path is not None and not path.parent.is_dir():
            raise Unusable(f"{path}: there is no directory {path.parent}")


def _device(name: str) -> Any:
    import jax

    try:
        return jax.devices(name)[0]
    except RuntimeError as error:
        raise Unusable(f"`--device` (={name}): JAX finds none: {error}") from error


def _suite(options: argparse.Namespace) -> int:
    _require_torch()
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
    device = _device(options.device)
    _require_directories(options.json, options.junit)

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


def _found(text: str, what: str) -> Any:
    """What 'PKG.MOD:NAME' names; modules are looked for in the working directory first, as Python does."""
    module, _, name = text.partition(":")
    if not module or not name:
        raise Unusable(f"`{what}` (={text!r}) must be PKG.MOD:NAME, a module and a name in it")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module)
    except Exception as error:  # whatever a user's module does
        raise Unusable(f"`{what}`: cannot import {module!r}: {type(error).__name__}: {error}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise Unusable(f"`{what}`: {module!r} has no {name!r}")
        found = getattr(found, part)
    return found


def _made(text: str, what: str) -> Any:
    import torch
    from flax import linen, nnx

    found = _found(text, what)
    if isinstance(found, torch.nn.Module | nnx.Module | linen.Module | tuple):
        return found
    if not callable(found):
        raise Unusable(f"`{what}` (={text!r}) must be a factory or a network, got {type(found).__name__}")
    try:
        return found()
    except Exception as error:
        raise Unusable(f"`{what}`: {text} raised {type(error).__name__}: {error}") from error


def _input(text: str, dtype: str, rng: Any) -> Any:
    import ml_dtypes  # noqa: F401  # gives numpy bfloat16
    import numpy as np

    if text.endswith(".npy"):
        try:
            return np.load(text)
        except (OSError, ValueError) as error:
            raise Unusable(f"`--input` (={text!r}): {error}") from error
    try:
        shape = tuple(int(n) for n in text.split(","))
        return rng.standard_normal(shape).astype(np.dtype(dtype))
    except ValueError as error:
        raise Unusable(
            f"`--input` (={text!r}) must be a shape such as 1,3,224,224, or a .npy file"
        ) from error


def _model(options: argparse.Namespace) -> int:
    _require_torch()
    import jax

    if options.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    if options.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    device = _device(options.device)
    _require_directories(options.html, options.junit, options.json)
    import numpy as np
    import torch
    from flax import nnx
    from rich.console import Console

    import parity

    inputs = [
        _input(text, options.dtype, np.random.default_rng([options.seed, i]))
        for i, text in enumerate(options.input)
    ]
    torch.manual_seed(options.seed)
    with jax.default_device(device):
        theirs, ours = _made(options.torch, "TORCH_FACTORY"), _made(options.flax, "FLAX_FACTORY")
        try:
            if options.weights is not None:
                _load(theirs, options.weights)
            if isinstance(theirs, torch.nn.Module):
                theirs.train(options.train)
            if isinstance(ours, nnx.Module):
                ours.train() if options.train else ours.eval()
            convert = None if options.convert == "none" else options.convert
            report = parity.check(
                theirs, ours, *inputs, convert=convert, layout=options.layout, seed=options.seed
            )
        except (ValueError, TypeError) as error:
            raise Unusable(str(error)) from error
    Console().print(report)
    if options.html is not None:
        report.save_html(options.html)
    if options.junit is not None:
        report.save_junit(options.junit)
    if options.json is not None:
        options.json.write_text(report.to_json(), encoding="utf-8")
    return OK if report.ok else DIFFERENT


def _load(module: Any, path: Path) -> None:
    import jaxconv

    try:
        module.load_state_dict(jaxconv.to_torch(jaxconv.load_file(path)))
    except (OSError, RuntimeError) as error:
        raise Unusable(f"`--weights` (={str(path)!r}): {error}") from error


def _fuzz(options: argparse.Namespace) -> int:
    _require_torch()
    from parity import fuzz

    if options.layer not in fuzz.LAYERS:
        raise Unusable(f"LAYER (={options.layer!r}) must be one of {', '.join(fuzz.LAYERS)}")
    if options.examples < 1:
        raise Unusable(f"`--examples` (={options.examples}) must be at least 1")
    if not options.out.is_dir():
        raise Unusable(f"`--out` (={str(options.out)!r}) must be a directory")
    if options.module is not None:
        _found(options.module, "--module")
    found, compared = fuzz.fuzz(options.layer, options.examples, options.seed, options.module)
    if found is None:
        print(f"{options.layer}: {compared} configurations agree (seed {options.seed}).")
        return OK if compared else DIFFERENT
    path = options.out / f"test_{options.layer}_seed{options.seed}.py"
    path.write_text(found.pytest_file(), encoding="utf-8")
    print(f"{found.example}\n{found.why}\n\nAgain: python -m pytest {path}")
    return DIFFERENT
