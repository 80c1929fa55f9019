"""Times each lowering of a convolution and of its gradients, on a GPU or the CPU, and compares them with torch.

Every lowering computes the convolution and its gradients with respect to the input and to the weight, if it can. 'NHWC'
is XLA's convolution of arrays with channels last, as a network in Flax's layout would have. torch computes in both of
its layouts, on a GPU with `cudnn.benchmark`. On a GPU both sides round float32 factors to TF32, their default. Calls
are queued and waited for together. So a time is the device's, if it is longer than the start of a call takes.
"""

import argparse
import functools
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.layers import DTYPES
from benchmarks.timing import machine, queued
from jaxconv._lower.choice import LOWERINGS
from jaxconv._lower.product import ROLES, Product
from jaxconv._spec import ConvSpec

NHWC = "NHWC"


def _spec(
    inputs: int, outputs: int, kernel: int, ndim: int = 2, stride: int = 1, dilation: int = 1, groups: int = 1
) -> ConvSpec:
    around = dilation * (kernel - 1) // 2 if kernel != stride else 0
    return ConvSpec(
        inputs,
        outputs,
        (kernel,) * ndim,
        (stride,) * ndim,
        ((around, around),) * ndim,
        (dilation,) * ndim,
        groups,
    )


CASES: dict[str, tuple[int, tuple[int, ...], ConvSpec]] = {
    "dense 3x3 64 @56": (64, (56, 56), _spec(64, 64, 3)),
    "dense 3x3 256 @14": (64, (14, 14), _spec(256, 256, 3)),
    "dense 3x3 stride 2 128>256 @56": (64, (56, 56), _spec(128, 256, 3, stride=2)),
    "stem 7x7 stride 2 3>64 @224": (64, (224, 224), _spec(3, 64, 7, stride=2)),
    "dense 3x3 dilation 2 256 @28": (16, (28, 28), _spec(256, 256, 3, dilation=2)),
    "1x1 256>64 @56": (64, (56, 56), _spec(256, 64, 1)),
    "1x1 stride 2 256>512 @56": (64, (56, 56), _spec(256, 512, 1, stride=2)),
    "depthwise 3x3 144 @56": (64, (56, 56), _spec(144, 144, 3, groups=144)),
    "depthwise 7x7 96 @56": (64, (56, 56), _spec(96, 96, 7, groups=96)),
    "depthwise 3x3 stride 2 96 @112": (64, (112, 112), _spec(96, 96, 3, stride=2, groups=96)),
    "depthwise 5x5 240 @28": (64, (28, 28), _spec(240, 240, 5, groups=240)),
    "32 groups 3x3 1024 @14 (32)": (64, (14, 14), _spec(1024, 1024, 3, groups=32)),
    "32 groups 3x3 stride 2 256 @56 (8)": (64, (56, 56), _spec(256, 256, 3, stride=2, groups=32)),
    "32 groups 3x3 128 @56 (4)": (64, (56, 56), _spec(128, 128, 3, groups=32)),
    "patches 4x4 stride 4 3>96 @224": (64, (224, 224), _spec(3, 96, 4, stride=4)),
    "patches 2x2 stride 2 64>128 @56": (64, (56, 56), _spec(64, 128, 2, stride=2)),
    "4x4 stride 2 128>256 @28 (its dx upsamples)": (64, (28, 28), _spec(128, 256, 4, stride=2)),
    "1-d 16 stride 8 256>512 @3200 (its dx upsamples)": (8, (3200,), _spec(256, 512, 16, 1, stride=8)),
    "1-d 7 dilation 9 128 @16000": (8, (16000,), _spec(128, 128, 7, 1, dilation=9)),
    "1-d depthwise 31 512 @1000": (32, (1000,), _spec(512, 512, 31, 1, groups=512)),
    "3-d 3x3x3 32 @16x56x56": (4, (16, 56, 56), _spec(32, 32, 3, 3)),
    "3-d depthwise 3x3x3 128 @8x28x28": (8, (8, 28, 28), _spec(128, 128, 3, 3, groups=128)),
}


def _arrays(batch: int, size: tuple[int, ...], spec: ConvSpec) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "x": (batch, spec.in_channels, *size),
        "weight": spec.weight_shape,
        "y": (batch, spec.out_channels, *spec.output_size(size)),
    }
    return {role: rng.standard_normal(shape, np.float32) for role, shape in shapes.items()}


def _in_torch(wanted: str, spec: ConvSpec, held: dict[str, torch.Tensor]) -> Callable[[], Any]:
    given = {
        "stride": spec.stride,
        "padding": [low for low, _ in spec.padding],
        "dilation": spec.dilation,
        "transposed": False,
        "output_padding": [0] * spec.ndim,
        "groups": spec.groups,
    }
    if wanted == "y":
        return lambda: torch.ops.aten.convolution.default(held["x"], held["weight"], None, *given.values())
    mask = [wanted == "x", wanted == "weight", False]
    operands = held["y"], held["x"], held["weight"], None
    return lambda: torch.ops.aten.convolution_backward.default(*operands, *given.values(), mask)


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return tensor.contiguous(memory_format=formats[tensor.ndim])


def _last(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product of arrays that have their channels last; the kernel is HWIO."""
    spatial = "DHW"[-p.spec.ndim :]

    def conv(x: Any, w: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x,
            w,
            p.spec.stride,
            p.spec.padding,
            rhs_dilation=p.spec.dilation,
            dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
            feature_group_count=p.spec.groups,
        )

    if p.wanted == "y":
        return conv(a, b)
    n = p.batch(a, b)
    x = jax.ShapeDtypeStruct((n, *p.size, p.spec.in_channels), a.dtype)
    w = jax.ShapeDtypeStruct((*p.spec.kernel_size, p.group_in, p.spec.out_channels), a.dtype)
    if p.wanted == "x":
        return jax.linear_transpose(lambda x: conv(x, a), x)(b)[0]
    return jax.linear_transpose(lambda w: conv(a, w), w)(b)[0]


def _candidates(
    p: Product, batch: int, held: dict[str, jax.Array]
) -> dict[str, tuple[Any, tuple[jax.Array, ...]]]:
    found: dict[str, tuple[Any, tuple[jax.Array, ...]]] = {}
    operands = tuple(held[role] for role in p.operands)
    for name, lowering in LOWERINGS.items():
        if lowering.can is None or lowering.can(p):
            compute = functools.partial(lowering.compute, p)
            if p.wanted == "weight" and lowering.apart(p, batch):
                compute = functools.partial(_summed, lowering.compute, p)
            found[name] = compute, operands
    last = {
        role: jnp.moveaxis(a, (1, 0), (-2, -1)) if role == "weight" else jnp.moveaxis(a, 1, -1)
        for role, a in held.items()
    }
    found[NHWC] = functools.partial(_last, p), tuple(last[role] for role in p.operands)
    return found


def _summed(compute: Any, p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    return compute(p, a, b).sum(0)


def measure(
    label: str, wanted: str, options: argparse.Namespace, device: jax.Device
) -> tuple[dict[str, float], dict[str, float], dict[str, str]]:
    """Seconds of each way, seconds of compiling it, and why others have none."""
    batch, size, spec = CASES[label]
    batch = options.batch or batch
    in_torch, in_jax = DTYPES[options.dtype]
    arrays = _arrays(batch, size, spec)
    place = "cuda" if device.platform == "gpu" else "cpu"
    tensors = {role: torch.from_numpy(a).to(place, in_torch) for role, a in arrays.items()}
    functions = {"torch": _in_torch(wanted, spec, tensors)}
    if spec.ndim > 1:
        last = {role: _channels_last(t) for role, t in tensors.items()}
        functions["torch, channels last"] = _in_torch(wanted, spec, last)
    held = {role: jax.device_put(jnp.asarray(a, in_jax), device) for role, a in arrays.items()}
    p = Product(wanted, spec, size)
    compiling: dict[str, float] = {}
    failed: dict[str, str] = {}

    def compiled(name: str, compute: Any, operands: tuple[jax.Array, ...]) -> Any:
        start = time.perf_counter()
        program = jax.jit(compute).lower(*operands).compile()
        compiling[name] = time.perf_counter() - start
        return functools.partial(program, *operands)

    with ThreadPoolExecutor(options.compilers) as pool:
        futures = {n: pool.submit(compiled, n, *c) for n, c in _candidates(p, batch, held).items()}
    for name, future in futures.items():
        if error := future.exception():
            failed[name] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        else:
            functions[name] = future.result()

    def finished(found: Any) -> None:
        jax.block_until_ready(found)
        if place == "cuda":
            torch.cuda.synchronize()

    seconds = queued(functions, finished, options.rounds)
    return seconds, compiling, failed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help="measure the cases whose names contain CASE, such as depthwise (default: all)",
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="cpu",
        help="run all sides on this device (default: %(default)s)",
    )
    parser.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="use arrays of this dtype (default: %(default)s)"
    )
    parser.add_argument(
        "--batch", type=int, help="use this many samples a batch (default: as many as fill a GPU)"
    )
    parser.add_argument(
        "--rounds", type=int, default=5, help="time this many rounds of queued calls (default: %(default)s)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        help="give torch this many threads on the CPU (default: %(default)s)",
    )
    parser.add_argument(
        "--compilers", type=int, default=1, help="compile this many programs at once (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, help="start no case after this many seconds (default: no limit)"
    )
    parser.add_argument("--json", type=Path, help="write all numbers as JSON to this file")


def run(given: argparse.Namespace) -> None:
    """Measures, prints, and writes."""
    start = time.perf_counter()
    torch.set_num_threads(given.threads)
    torch.backends.cudnn.benchmark = True
    console = Console(width=None if Console().is_terminal else 160)
    (device, *_) = jax.devices(given.device)
    about = machine() | {"device": device.device_kind}
    console.print(", ".join(f"{k} {v}" for k, v in about.items()), highlight=False)
    ways = ("torch", "torch, channels last", *LOWERINGS, NHWC)
    table = Table(title=f"{given.dtype}: milliseconds", title_justify="left")
    for head in ("layer", "", *ways):
        table.add_column(head, justify="left" if head in ("layer", "") else "right")
    rows: list[dict[str, Any]] = []
    for label in CASES:
        if given.cases and not any(part in label for part in given.cases):
            continue
        for wanted in ROLES[::-1]:
            if given.seconds is not None and time.perf_counter() - start > given.seconds:
                console.print(f"left out for want of time: {label}, {wanted}", highlight=False)
                continue
            seconds, compiling, failed = measure(label, wanted, given, device)
            rows.append(
                {"case": label, "wanted": wanted, "seconds": seconds, "compile": compiling}
                | {"failed": failed}
            )
            cells = [f"{1e3 * seconds[way]:.3f}" if way in seconds else "" for way in ways]
            table.add_row(label, {"y": "y", "x": "dx", "weight": "dw"}[wanted], *cells)
            for name, why in failed.items():
                console.print(f"{label}, {wanted}, {name}: {why}", highlight=False)
            if given.json:
                found = {"machine": about, "dtype": given.dtype, "batch": given.batch, "products": rows}
                given.json.write_text(json.dumps(found, indent=1) + "\n")
        jax.clear_caches()
    console.print(table)
