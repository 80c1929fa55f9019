"""Single convolutions, inference and forward + backward, beside torch eager and plain lax.

Interleaved in one process with pauses, medians of many, as many threads on both sides. Ratios are times over torch's:
below 1 is faster. Noise is about 30 % in a single row: the geometric means are what counts.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import jaxconv
from benchmarks.timing import interleaved, machine, ratio
from jaxconv.functional import conv2d


@dataclass(frozen=True)
class Case:
    """A convolution as networks have it."""

    name: str
    channels: int
    size: int
    out: int
    kernel: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    batch: int = 1

    @property
    def arguments(self) -> dict[str, int]:
        """Keyword arguments of conv2d."""
        padding = self.dilation * (self.kernel - 1) // 2
        return {"stride": self.stride, "padding": padding, "dilation": self.dilation, "groups": self.groups}


CASES = {
    "depthwise": [
        Case("3x3 144 @56", 144, 56, 144, 3, groups=144),
        Case("3x3 512 @14", 512, 14, 512, 3, groups=512),
        Case("3x3 960 @7", 960, 7, 960, 3, groups=960),
        Case("3x3 stride 2 96 @112", 96, 112, 96, 3, 2, groups=96),
        Case("5x5 240 @28", 240, 28, 240, 5, groups=240),
        Case("5x5 stride 2 144 @56", 144, 56, 144, 5, 2, groups=144),
        Case("7x7 96 @56", 96, 56, 96, 7, groups=96),
        Case("7x7 768 @7", 768, 7, 768, 7, groups=768),
        Case("3x3 multiplier 2 64 @56", 64, 56, 128, 3, groups=64),
        Case("3x3 dilation 2 144 @28", 144, 28, 144, 3, dilation=2, groups=144),
        Case("3x3 144 @28 batch 8", 144, 28, 144, 3, groups=144, batch=8),
    ],
    "few channels a group": [
        Case("32 groups 128 @56 (4)", 128, 56, 128, 3, groups=32),
        Case("60 groups 240 stride 2 @28 (4)", 240, 28, 240, 3, 2, groups=60),
        Case("32 groups 64 @56 (2)", 64, 56, 64, 3, groups=32),
    ],
    "grouped": [
        Case("32 groups 1024 @14 (32)", 1024, 14, 1024, 3, groups=32),
        Case("32 groups stride 2 256 @56 (8)", 256, 56, 256, 3, 2, groups=32),
        Case("16 groups 128 @28 (8)", 128, 28, 128, 3, groups=16),
        Case("10 groups stride 2 160 @28 (16)", 160, 28, 160, 3, 2, groups=10),
        Case("14 groups 336 @14 (24)", 336, 14, 336, 3, groups=14),
        Case("7 groups 448 @14 (64)", 448, 14, 448, 3, groups=7),
    ],
    "1x1": [
        Case("256>64 @56", 256, 56, 64, 1),
        Case("1024>256 @14", 1024, 14, 256, 1),
        Case("144>24 @56", 144, 56, 24, 1),
        Case("stride 2 256>512 @56", 256, 56, 512, 1, 2),
        Case("256>64 @28 batch 8", 256, 28, 64, 1, batch=8),
    ],
    "dense": [
        Case("3x3 64 @56", 64, 56, 64, 3),
        Case("3x3 256 @14", 256, 14, 256, 3),
        Case("3x3 512 @7", 512, 7, 512, 3),
        Case("3x3 stride 2 128 @56", 128, 56, 128, 3, 2),
        Case("7x7 stride 2 3>64 @224", 3, 224, 64, 7, 2),
        Case("3x3 dilation 2 512 @28", 512, 28, 512, 3, dilation=2),
        Case("3x3 64 @32 batch 8", 64, 32, 64, 3, batch=8),
    ],
}


def _pulled_back(x: jax.Array, w: jax.Array, dy: jax.Array, **arguments: int) -> Any:
    y, vjp = jax.vjp(lambda x, w: conv2d(x, w, **arguments), x, w)
    return y, *vjp(dy)


def _compiled(
    lowering: str | None, function: Callable[..., Any], *arrays: Any
) -> tuple[Callable[[], Any], float]:
    with jaxconv.lowering(lowering):
        start = time.perf_counter()
        program = jax.jit(function).lower(*arrays).compile()
        taken = time.perf_counter() - start
    on_device = [jax.device_put(a) for a in arrays]
    return lambda: jax.block_until_ready(program(*on_device)), taken


def measure(case: Case, rounds: int, least: bool = False) -> dict[str, Any]:
    """Seconds of torch, plain lax ('direct') and ours, and their compile times."""
    rng = np.random.default_rng(0)
    c, k, arguments = case.channels // case.groups, case.kernel, case.arguments
    x = rng.standard_normal((case.batch, case.channels, case.size, case.size), np.float32)
    w = rng.standard_normal((case.out, c, k, k), np.float32) / np.float32((c * k * k) ** 0.5)
    tx, tw = (torch.from_numpy(a).requires_grad_() for a in (x, w))
    ty = torch.nn.functional.conv2d(tx, tw, **arguments)
    dy = rng.standard_normal(ty.shape, np.float32)
    tdy = torch.from_numpy(dy)

    def torch_inference() -> Any:
        with torch.no_grad():
            return torch.nn.functional.conv2d(tx, tw, **arguments)

    def torch_training() -> Any:
        return torch.autograd.grad(torch.nn.functional.conv2d(tx, tw, **arguments), (tx, tw), tdy)

    result: dict[str, Any] = {"case": asdict(case)}
    for mode, of_torch, ours, arrays in (
        ("inference", torch_inference, lambda x, w: conv2d(x, w, **arguments), (x, w)),
        ("training", torch_training, lambda x, w, dy: _pulled_back(x, w, dy, **arguments), (x, w, dy)),
    ):
        functions = {"torch": of_torch}
        functions["ours"], compile_ours = _compiled(None, ours, *arrays)
        functions["lax"], compile_lax = _compiled("direct", ours, *arrays)
        seconds = interleaved({n: f for n, f in functions.items() if n != "lax"}, rounds, least=least)
        # Up to 350 times slower: a few calls are enough.
        seconds |= interleaved({"lax": functions["lax"]}, max(rounds // 3, 1), 2, least)
        result[mode] = {**seconds, "compile": {"ours": compile_ours, "lax": compile_lax}}
    return result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument("classes", nargs="*", help=f"of {', '.join(CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=8, help="three timed calls each (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=2, help="torch's; XLA takes all that the process may use"
    )
    parser.add_argument(
        "--least", action="store_true", help="the least of the times, if the machine is not quiet"
    )
    parser.add_argument("--json", type=Path, help="where to write all numbers")


def run(given: argparse.Namespace) -> None:
    """Measures, prints, and writes."""
    torch.set_num_threads(given.threads)
    console = Console(width=None if Console().is_terminal else 132)
    about = machine()
    console.print(", ".join(f"{k} {v}" for k, v in about.items()), highlight=False)
    results: dict[str, Any] = {"machine": about, "threads": given.threads, "classes": {}}
    for name in given.classes or CASES:
        table = Table(title=f"{name}: milliseconds, and ratio to torch", title_justify="left")
        table.add_column("layer")
        for head in (
            "F torch",
            "lax",
            "ours",
            "ratio",
            "F+B torch",
            "lax",
            "ours",
            "ratio",
            "compile lax",
            "ours",
        ):
            table.add_column(head, justify="right")
        rows = []
        for case in CASES[name]:
            row = measure(case, given.rounds, given.least)
            rows.append(row)
            cells = []
            for mode in ("inference", "training"):
                m = row[mode]
                cells += [f"{1e3 * m[side]:.2f}" for side in ("torch", "lax", "ours")]
                cells.append(f"{m['ours'] / m['torch']:.2f}")
            cells += [f"{row['training']['compile'][side]:.2f} s" for side in ("lax", "ours")]
            table.add_row(case.name, *cells)
        means = {
            mode: {side: ratio([r[mode][side] / r[mode]["torch"] for r in rows]) for side in ("lax", "ours")}
            for mode in ("inference", "training")
        }
        cells = [c for m in means.values() for c in ("", f"{m['lax']:.2f}", "", f"[bold]{m['ours']:.2f}")]
        table.add_row("[bold]geometric mean of ratios", *cells)
        console.print(table)
        results["classes"][name] = {"cases": rows, "means": means}
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")
