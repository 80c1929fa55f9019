"""Times eight networks, in inference or a training step, and compares jaxconv with torch and plain lax.

The sides take turns in one process, with pauses. A time is the median of many calls. A ratio is the time divided by
torch eager's: below 1 is faster. 'lax' is the same network with XLA's own convolutions. 'tuned' is
`jaxconv.compile(tune=True)`. 'onnxruntime' runs torch's export, if onnxruntime and onnxscript are installed.

--memory shows the largest memory of the first call (of torch.compile's second call) beyond what the process held before
the call, so without the parameters.

With --device gpu torch runs with `cudnn.benchmark` and in both of its layouts, and calls are queued. jaxconv has no
kernels there, and ONNX Runtime is left out.
"""

import argparse
import copy
import importlib.util
import io
import json
import logging
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch
from flax import nnx
from rich.console import Console
from rich.table import Table

import jaxconv
from benchmarks.architectures import NETWORKS
from benchmarks.timing import interleaved, machine, peak, queued, ratio, return_freed_memory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument(
        "networks",
        nargs="*",
        metavar="NETWORK",
        help=f"measure these networks: {', '.join(NETWORKS)} (default: all)",
    )
    parser.add_argument(
        "--batch", type=int, default=1, help="use this many images a batch (default: %(default)s)"
    )
    parser.add_argument(
        "--size",
        type=int,
        default=224,
        help="use images of this height and width, in pixels (default: %(default)s)",
    )
    parser.add_argument(
        "--device",
        choices=("cpu", "gpu"),
        default="cpu",
        help="run all sides on this device (default: %(default)s)",
    )
    parser.add_argument(
        "--training", action="store_true", help="measure forward and backward in training mode"
    )
    parser.add_argument("--tune", action="store_true", help="also measure jaxconv.compile(tune=True)")
    parser.add_argument("--torch-compile", action="store_true", help="also measure torch.compile")
    parser.add_argument(
        "--memory", action="store_true", help="measure the memory of a call instead of its time"
    )
    parser.add_argument(
        "--without-lax",
        action="store_true",
        help="leave out plain lax, which takes minutes for a training step",
    )
    parser.add_argument(
        "--rounds", type=int, default=8, help="time three calls in each round (default: %(default)s rounds)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        help="give torch this many threads; XLA uses all that the process may use (default: %(default)s)",
    )
    parser.add_argument(
        "--lowering", help="use this lowering in jaxconv; xla means no kernels (default: jaxconv's choice)"
    )
    parser.add_argument("--json", type=Path, help="write all numbers as JSON to this file")
    parser.add_argument("--chart", type=Path, help="draw the ratios as a PNG to this file")


def _step(graph: Any, state: Any, x: jax.Array) -> Any:
    """A loss and its gradients by every parameter."""
    params, rest = state

    def loss(params: Any, rest: Any) -> Any:
        model = nnx.merge(graph, params, rest, copy=True)  # made here, to be changed here
        return model(x).sum(), nnx.state(model, nnx.Not(nnx.Param))

    return jax.value_and_grad(loss, has_aux=True)(params, rest)


def _finished(found: Any) -> None:
    jax.block_until_ready(found)
    torch.cuda.synchronize()


def _compiled(
    function: Callable[..., Any], arrays: tuple[Any, ...], lowering: str | None, waits: bool = True
) -> tuple[Any, float]:
    with jaxconv.lowering(lowering) if lowering else nullcontext():
        start = time.perf_counter()
        program = jax.jit(function).lower(*arrays).compile()
        taken = time.perf_counter() - start
    if waits:
        return lambda: jax.block_until_ready(program(*arrays)), taken
    return lambda: program(*arrays), taken


def has_onnx() -> bool:
    """Whether ONNX Runtime, and what torch exports to it with, are installed."""
    return all(importlib.util.find_spec(name) for name in ("onnxruntime", "onnxscript"))


def to_onnx(network: Any, x: Any, any_batch: bool = False) -> bytes:
    """The network as torch exports it, for inputs like x, or for batches of any size."""
    file = io.BytesIO()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    shapes = ({0: torch.export.Dim.DYNAMIC},) if any_batch else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own
        torch.onnx.export(network, (x,), file, dynamo=True, verbose=False, dynamic_shapes=shapes)
    return file.getvalue()


def _in_onnxruntime(network: Any, x: Any, threads: int) -> Callable[[], Any] | None:
    """The network in ONNX Runtime with all of its optimisations; None if it is not installed."""
    if not has_onnx():
        return None
    import onnxruntime

    file = to_onnx(network, x)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    given = {session.get_inputs()[0].name: x.numpy()}
    return lambda: session.run(None, given)


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of a call of each side and what compiling took, or bytes of memory of a call."""
    torch.manual_seed(0)
    theirs = NETWORKS[name]().train(options.training)
    x = np.random.default_rng(0).standard_normal((options.batch, 3, options.size, options.size), np.float32)
    tx = torch.from_numpy(x)
    ours = jaxconv.from_torch(theirs, tx[:2], rngs=nnx.Rngs(0))
    on_gpu = options.device == "gpu"
    if on_gpu:
        theirs, tx = theirs.cuda(), tx.cuda()
    functions: dict[str, Callable[[], Any]] = {}
    seconds: dict[str, float] = {}
    if options.training:
        graph, *state = nnx.split(ours, nnx.Param, ...)

        def of_torch(network: Any) -> Callable[[], Any]:
            return lambda: torch.autograd.grad(network(tx).sum(), list(network.parameters()))

        def function(state: Any, x: Any) -> Any:
            return _step(graph, state, x)

    else:
        ours.eval()
        theirs.eval()
        graph, state = nnx.split(ours)  # type: ignore[assignment]

        def of_torch(network: Any) -> Callable[[], Any]:
            def run() -> Any:
                with torch.no_grad():
                    return network(tx)

            return run

        def function(state: Any, x: Any) -> Any:
            return nnx.merge(graph, state)(x)

    functions["torch"] = of_torch(theirs)
    if on_gpu:
        # The same input: the first convolution changes the layout.
        functions["torch, channels last"] = of_torch(
            copy.deepcopy(theirs).to(memory_format=torch.channels_last)
        )
    if options.torch_compile:
        functions["torch.compile"] = of_torch(torch.compile(theirs))
        functions["torch.compile"]()  # compiles
    arrays = jax.device_put((tuple(state) if options.training else state, x), jax.devices(options.device)[0])
    functions["ours"], seconds["ours"] = _compiled(function, arrays, options.lowering, not on_gpu)
    if not options.without_lax:
        functions["lax"], seconds["lax"] = _compiled(function, arrays, "direct", not on_gpu)
    tuned = None
    if options.tune and not options.training:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            tuned = jaxconv.compile(ours, arrays[1], tune=True, cache=Path(folder, "tuned.json"))
            seconds["tuned"] = time.perf_counter() - start
        functions["tuned"] = lambda: jax.block_until_ready(tuned(arrays[1]))
    on_cpu = not (options.training or on_gpu)
    if on_cpu and (exported := _in_onnxruntime(theirs, tx, options.threads)):
        functions["onnxruntime"] = exported
    chosen = None if tuned is None else str(tuned.setting)
    row = {"name": name, "compile": seconds, "tuned": chosen}
    if tuned is not None:
        row["candidates"] = {str(setting): ms for setting, ms in tuned.milliseconds.items()}
    if options.memory:
        memory = {side: peak(function) for side, function in functions.items()}
        if None in memory.values():
            raise SystemExit(
                "--memory needs /proc/self/clear_refs, by which Linux lets a process reset its peak"
            )
        return row | {"memory": memory}
    if on_gpu:
        return row | {"seconds": queued(functions, _finished, options.rounds)}
    slow = {side: functions.pop(side) for side in ("lax",) if side in functions}
    taken = interleaved(functions, options.rounds) | interleaved(slow, max(options.rounds // 2, 1), 2)
    return row | {"seconds": taken}


def run(given: argparse.Namespace) -> None:
    """Measures, prints, and writes."""
    if unknown := [name for name in given.networks if name not in NETWORKS]:
        raise SystemExit(f"unknown network(s) {', '.join(unknown)}; there are {', '.join(NETWORKS)}")
    torch.set_num_threads(given.threads)
    torch.backends.cudnn.benchmark = True
    (device, *_) = jax.devices(given.device)
    if given.device == "gpu" and (given.memory or given.tune):
        raise SystemExit("--memory and --tune are for the CPU")
    console = Console(width=None if Console().is_terminal else 132)
    about = machine() | {"device": device.device_kind}
    console.print(", ".join(f"{k} {v}" for k, v in about.items()), highlight=False)
    if given.memory:
        return_freed_memory()
    what = "memory" if given.memory else "seconds"
    rows = []
    for name in given.networks or NETWORKS:
        rows.append(measure(name, given))
        console.print(f"{name}: {_line(rows[-1])}", highlight=False)
        jax.clear_caches()
    sides = [side for side in rows[0][what] if side != "torch"]
    means = {s: ratio([r[what][s] / r[what]["torch"] for r in rows]) for s in sides}
    console.print(_table(rows, sides, means, given))
    result = {"machine": about, "batch": given.batch, "size": given.size, "training": given.training}
    result["lowering"] = given.lowering
    result |= {"networks": rows, "means": means}
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")
    if given.chart:
        _draw(rows, sides, means, given)


def _line(row: Mapping[str, Any]) -> str:
    parts = [f"{side} {1e3 * s:.1f} ms" for side, s in row.get("seconds", {}).items()]
    parts += [f"{side} {b / 2**20:.0f} MiB" for side, b in row.get("memory", {}).items()]
    parts += [f"compiled in {s:.1f} s ({side})" for side, s in row["compile"].items()]
    return ", ".join(parts) + (f"; tuned: {row['tuned']}" if row["tuned"] else "")


def _table(rows: Any, sides: list[str], means: Mapping[str, float], given: argparse.Namespace) -> Table:
    step = "a training step" if given.training else "inference"
    what, unit, factor = ("memory", "MiB", 2**-20) if given.memory else ("seconds", "ms", 1e3)
    table = Table(title=f"{step}, batch {given.batch}, {given.size}x{given.size}: ratio to torch eager")
    compiled = [side for side in ("lax", "ours") if side in rows[0]["compile"]]
    for head in ("network", f"torch {unit}", *sides, *(f"compile {side}" for side in compiled)):
        table.add_column(head, justify="left" if head == "network" else "right")
    for row in rows:
        s = row[what]
        cells = [f"{factor * s['torch']:.1f}", *(f"{s[side] / s['torch']:.2f}" for side in sides)]
        table.add_row(row["name"], *cells, *(f"{row['compile'][side]:.1f} s" for side in compiled))
    table.add_section()
    table.add_row("geometric mean", "", *(f"{means[side]:.2f}" for side in sides))
    return table


def _draw(rows: Any, sides: list[str], means: Mapping[str, float], given: argparse.Namespace) -> None:
    from matplotlib.figure import Figure

    kind = "memory" if given.memory else "seconds"
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    names = [row["name"] for row in rows] + ["geometric mean"]
    for i, side in enumerate(sides):
        ratios = [row[kind][side] / row[kind]["torch"] for row in rows] + [means[side]]
        at = np.arange(len(names)) + (i - (len(sides) - 1) / 2) * 0.8 / len(sides)
        bars = axes.barh(at, ratios, 0.8 / len(sides), label=side)
        axes.bar_label(bars, [f"{r:.2f}" for r in ratios], padding=2, fontsize=7)
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        which("{x:g}")
    what = "a training step" if given.training else "inference"
    label, better = ("memory", "less") if given.memory else ("time", "faster")
    axes.set_xlabel(f"{label} over torch eager's, {what}, batch {given.batch} (below 1 is {better})")
    axes.legend()
    figure.savefig(given.chart, dpi=120)
