"""Measures what XLA's CPU compiler is slow at: the reasons for jaxconv's lowerings and kernels (docs/speed.md).

Each line does the same work in two ways, and shows the time of the first divided by the time of the second.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import lax
from rich.console import Console
from rich.table import Table

from benchmarks.timing import interleaved, machine


class Reason(NamedTuple):
    """Two ways to do the same work, of JAX's arrays; torch's takes none."""

    what: str
    first: tuple[str, Callable[..., Any]]
    second: tuple[str, Callable[..., Any]]
    arrays: tuple[jax.Array, ...]


def _random(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).standard_normal(shape, np.float32))


def _joined(x: jax.Array) -> jax.Array:
    return x.reshape(*x.shape[:2], -1)


def _by_element() -> Iterator[Reason]:
    for channels, size in ((1152, 7), (672, 14), (480, 28)):
        scale = _random(channels)
        yield Reason(
            f"silu of scaled planes, {channels} of {size}x{size}",
            ("as they are", lambda x, s: jax.nn.silu(x * s[:, None, None])),
            ("rows joined", lambda x, s: jax.nn.silu(_joined(x) * s[:, None])),
            (_random(1, channels, size, size), scale),
        )
    for channels, size in ((1280, 7), (96, 56)):
        ones = jnp.ones(size * size)
        yield Reason(
            f"mean of silu, {channels} planes of {size}x{size}",
            ("a sum", lambda x, ones: jax.nn.silu(_joined(x)).mean(2)),
            ("a product with ones", lambda x, ones: jax.nn.silu(_joined(x)) @ ones / ones.size),
            (_random(1, channels, size, size), ones),
        )


def _turned(a: jax.Array, b: jax.Array) -> jax.Array:
    # The barriers: XLA would see that this is a @ b.
    return lax.optimization_barrier(lax.optimization_barrier(b.T) @ a.T).T


def _products() -> Iterator[Reason]:
    for m, k, n in ((64, 576, 3136), (128, 1152, 784), (256, 2304, 196), (512, 4608, 49)):
        a, b = torch.randn(m, k), torch.randn(k, n)
        yield Reason(
            f"matrix product {m}x{k}x{n}",
            ("XLA", jnp.matmul),
            ("torch", lambda *_, a=a, b=b: a @ b),
            (jnp.asarray(a.numpy()), jnp.asarray(b.numpy())),
        )
    yield Reason(
        "matrix product 512x4608x49",
        ("as it is", jnp.matmul),
        ("both turned", _turned),
        (_random(512, 4608), _random(4608, 49)),
    )
    yield Reason(
        "matrix product 1024x256x196",
        ("first matrix across", lambda a, b: a.T @ b),
        ("as it lies", lambda a, b: a.reshape(1024, 256) @ b),
        (_random(256, 1024), _random(256, 196)),
    )
    for groups, channels, size in ((32, 32, 14), (14, 24, 14), (7, 64, 14)):
        x = torch.randn(1, groups * channels, size, size)
        w = torch.randn(groups * channels, channels, 3, 3)
        yield Reason(
            f"{groups} groups of {channels} channels, 3x3 @{size}",
            ("XLA's products alone", lambda w, cols: w @ cols),
            ("torch's convolution", lambda *_, x=x, w=w, g=groups: torch.conv2d(x, w, padding=1, groups=g)),
            (_random(groups, channels, channels * 9), _random(groups, channels * 9, size * size)),
        )


def _convolution(lhs_dilation: int = 1, layout: str = "NHWC") -> Callable[..., Any]:
    kernel = "HWIO" if layout == "NHWC" else "OIHW"
    d = lhs_dilation

    def convolve(x: jax.Array, w: jax.Array) -> jax.Array:
        # A zero row after each row that a kernel of twice the step never meets: the same sums.
        return lax.conv_general_dilated(
            x, w, (d, 1), ((d, d), (1, 1)), (d, 1), (d, 1), dimension_numbers=(layout, kernel, layout)
        )

    return convolve


def _convolutions() -> Iterator[Reason]:
    for channels, size, batch in ((64, 56, 1), (128, 28, 1), (256, 14, 1), (64, 32, 8)):
        yield Reason(
            f"dense 3x3 {channels} @{size} batch {batch}",
            ("YNNPACK", _convolution()),
            ("Eigen, past zeros", _convolution(2)),
            (_random(batch, size, size, channels), _random(3, 3, channels, channels)),
        )

    def twice(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, w: lax.map(lambda one: function(one, w), x)

    yield Reason(
        "two dense 3x3 64 @56 in lax.map",
        ("channels first", twice(_convolution(layout="NCHW"))),
        ("channels last, past zeros", twice(_convolution(2))),
        (_random(2, 1, 64, 56, 56), _random(64, 64, 3, 3)),
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument(
        "--rounds", type=int, default=8, help="time three calls in each round (default: %(default)s rounds)"
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=2,
        help="give torch this many threads; XLA uses all that the process may use (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write all numbers as JSON to this file")


def run(given: argparse.Namespace) -> None:
    """Measures, prints, and writes."""
    torch.set_num_threads(given.threads)
    console = Console(width=None if Console().is_terminal else 132)
    about = machine()
    console.print(", ".join(f"{k} {v}" for k, v in about.items()), highlight=False)
    table = Table(title="milliseconds, and how many times as long the first takes", title_justify="left")
    for head in ("what", "first", "ms", "second", "ms", "ratio"):
        table.add_column(head, justify="right" if head in ("ms", "ratio") else "left")
    rows = []
    for reason in (*_by_element(), *_products(), *_convolutions()):
        ways = {"first": reason.first, "second": reason.second}
        seconds = interleaved({side: _ready(*way, reason.arrays) for side, way in ways.items()}, given.rounds)
        ratio = seconds["first"] / seconds["second"]
        rows.append({"what": reason.what, **{side: way[0] for side, way in ways.items()}, "seconds": seconds})
        cells = (c for side, way in ways.items() for c in (way[0], f"{1e3 * seconds[side]:.3f}"))
        table.add_row(reason.what, *cells, f"{ratio:.2f}")
    console.print(table)
    if given.json:
        given.json.write_text(json.dumps({"machine": about, "reasons": rows}, indent=1) + "\n")


def _ready(name: str, function: Callable[..., Any], arrays: tuple[jax.Array, ...]) -> Callable[[], Any]:
    if name.startswith("torch"):
        return function
    if name.startswith("channels last"):
        x, w = arrays
        arrays = (jnp.moveaxis(x, 2, -1), jnp.transpose(w, (2, 3, 1, 0)))
    program = jax.jit(function).lower(*arrays).compile()
    return lambda: jax.block_until_ready(program(*arrays))
