"""Times single convolutions, forward and backward, and compares jaxconv with torch eager and plain lax.

The sides take turns in one process, with pauses. A time is the median of many calls. A ratio is the time divided by
torch's: below 1 is faster. A single row has about 30 % of noise, so read the geometric means.
"""

import argparse
import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import jaxconv
from benchmarks.timing import interleaved, machine, ratio
from jaxconv import functional


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
    transposed: bool = False

    @property
    def function(self) -> str:
        """Its name in torch.nn.functional and in jaxconv.functional."""
        return "conv_transpose2d" if self.transposed else "conv2d"

    @property
    def arguments(self) -> dict[str, int]:
        """Keyword arguments. A transposed convolution makes the image `stride` times as large."""
        same = self.dilation * (self.kernel - 1)
        found = {
            "stride": self.stride,
            "dilation": self.dilation,
            "groups": self.groups,
            "padding": same // 2,
        }
        if self.transposed:
            beyond = same + 1 - self.stride
            found |= {"padding": -(-beyond // 2), "output_padding": beyond % 2}
        return found

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The weight's."""
        outer, inner = (self.channels, self.out) if self.transposed else (self.out, self.channels)
        return (outer, inner // self.groups, self.kernel, self.kernel)

    def data(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """An input, and a weight that keeps its scale."""
        x = rng.standard_normal((self.batch, self.channels, self.size, self.size), np.float32)
        terms = self.channels // self.groups * self.kernel**2
        return x, rng.standard_normal(self.weight_shape, np.float32) / np.float32(terms**0.5)


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
        Case("3x3 512 @2 batch 8", 512, 2, 512, 3, batch=8),
    ],
    "transposed": [
        Case("2x2 stride 2 128>64 @28", 128, 28, 64, 2, 2, transposed=True),
        Case("4x4 stride 2 256>128 @14", 256, 14, 128, 4, 2, transposed=True),
        Case("3x3 64 @28", 64, 28, 64, 3, transposed=True),
        Case("3x3 stride 2 64 groups 64 @28", 64, 28, 64, 3, 2, groups=64, transposed=True),
        Case("4x4 stride 2 8 groups 64 @28 (8)", 64, 28, 64, 4, 2, groups=8, transposed=True),
        Case("1x1 256>64 @28", 256, 28, 64, 1, transposed=True),
    ],
}
DTYPES = {"float32": (torch.float32, jnp.float32), "bfloat16": (torch.bfloat16, jnp.bfloat16)}


def _pulled_back(function: Callable[..., Any], x: jax.Array, w: jax.Array, dy: jax.Array) -> Any:
    y, vjp = jax.vjp(function, x, w)
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


def _twice_in_loop(function: Callable[..., Any], *arrays: jax.Array) -> Any:
    return jax.lax.map(lambda given: function(*given), tuple(jnp.stack([a, a]) for a in arrays))


def measure(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of torch, plain lax ('direct') and ours, and their compile times; of two turns of a loop if `loop`."""
    rounds, least = options.rounds, options.least
    rng = np.random.default_rng(0)
    in_torch, in_jax = DTYPES[options.dtype]
    theirs = functools.partial(getattr(torch.nn.functional, case.function), **case.arguments)
    ours = functools.partial(getattr(functional, case.function), **case.arguments)
    given = case.data(rng)
    tx, tw = (torch.from_numpy(a).to(in_torch).requires_grad_() for a in given)
    ty = theirs(tx, tw)
    dy = rng.standard_normal(ty.shape, np.float32)
    tdy = torch.from_numpy(dy).to(in_torch)
    x, w, dy = (jnp.asarray(a, in_jax) for a in (*given, dy))

    def torch_inference() -> Any:
        with torch.no_grad():
            return theirs(tx, tw)

    def torch_training() -> Any:
        return torch.autograd.grad(theirs(tx, tw), (tx, tw), tdy)

    result: dict[str, Any] = {"case": asdict(case)}
    for mode, of_torch, of_jax, arrays in (
        ("inference", torch_inference, ours, (x, w)),
        ("training", torch_training, functools.partial(_pulled_back, ours), (x, w, dy)),
    ):
        if options.loop:
            of_jax = functools.partial(_twice_in_loop, of_jax)
            of_torch = functools.partial(lambda once: (once(), once()), of_torch)
        functions = {"torch": of_torch}
        functions["ours"], compile_ours = _compiled(options.lowering, of_jax, *arrays)
        functions["lax"], compile_lax = _compiled("direct", of_jax, *arrays)
        seconds = interleaved({n: f for n, f in functions.items() if n != "lax"}, rounds, least=least)
        # Up to 350 times slower: a few calls are enough.
        seconds |= interleaved({"lax": functions["lax"]}, max(rounds // 3, 1), 2, least)
        result[mode] = {**seconds, "compile": {"ours": compile_ours, "lax": compile_lax}}
    return result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument(
        "classes",
        nargs="*",
        metavar="CLASS",
        help=f"measure these classes of layers: {', '.join(CASES)} (default: all)",
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
        "--least",
        action="store_true",
        help="show the shortest time instead of the median, for a busy machine",
    )
    parser.add_argument(
        "--loop", action="store_true", help="time two convolutions in a loop, in JAX as the body of lax.map"
    )
    parser.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="use arrays of this dtype (default: %(default)s)"
    )
    parser.add_argument(
        "--lowering", help="use this lowering in jaxconv; xla means no kernels (default: jaxconv's choice)"
    )
    parser.add_argument("--json", type=Path, help="write all numbers as JSON to this file")


def run(given: argparse.Namespace) -> None:
    """Measures, prints, and writes."""
    torch.set_num_threads(given.threads)
    console = Console(width=None if Console().is_terminal else 132)
    about = machine()
    console.print(", ".join(f"{k} {v}" for k, v in about.items()), highlight=False)
    results: dict[str, Any] = {
        "machine": about,
        "threads": given.threads,
        "dtype": given.dtype,
        "loop": given.loop,
        "lowering": given.lowering,
        "classes": {},
    }
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
            row = measure(case, given)
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
