"""Times a network behind examples/serve.py: requests a second and latency of jaxconv, torch and ONNX Runtime.

Each runtime has the same server in a process of its own, the same largest batch and the same number of threads. The
command is the client. Each of its connections sends an image when it has the answer to the one before. The runtimes
take turns, so that other work on the machine slows all of them alike. The figures are medians of the rounds. 'start' is
the time from the start of the process until it listens, with imports and one call for each batch size. Each runtime
loads a file: jaxconv what `Compiled.save` wrote, torch a pickled module, ONNX Runtime torch's export.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

import jaxconv
from benchmarks.architectures import NETWORKS
from benchmarks.networks import has_onnx, to_onnx
from benchmarks.timing import machine

RUNTIMES = ("jaxconv", "torch", "onnxruntime")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's own."""
    parser.add_argument(
        "network",
        nargs="?",
        default="ResNet-18",
        choices=[*NETWORKS],
        help="serve this network (default: %(default)s)",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=224,
        help="use images of this height and width, in pixels (default: %(default)s)",
    )
    parser.add_argument(
        "--largest",
        type=int,
        default=8,
        help="compute at most this many images at once (default: %(default)s)",
    )
    parser.add_argument(
        "--connections",
        type=int,
        nargs="+",
        default=[1, 8],
        help="measure with these numbers of concurrent clients (default: %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=4,
        help="measure for this many seconds in each round (default: %(default)s)",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=5,
        help="measure each runtime this many times, in turns (default: %(default)s)",
    )
    parser.add_argument(
        "--least",
        action="store_true",
        help="show the best round instead of the median, for a busy machine",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=os.cpu_count(),
        help="give each runtime this many threads (default: all cores, here %(default)s)",
    )
    parser.add_argument("--json", type=Path, help="write all numbers as JSON to this file")


def run(options: argparse.Namespace) -> None:
    """Measures and prints."""
    names = [name for name in RUNTIMES if name != "onnxruntime" or has_onnx()]
    with tempfile.TemporaryDirectory() as folder:
        files = _files(options, names, Path(folder))
        servers = {}
        try:
            for name in names:
                servers[name] = _Server(name, files[name], options)
            found = {
                connections: _measured(servers, connections, options) for connections in options.connections
            }
        finally:
            for server in servers.values():
                server.process.terminate()
                server.process.wait()
        starts = {name: server.start for name, server in servers.items()}
    _print(found, starts, options)
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "start": starts, "found": found}, indent=1))


def _network(options: argparse.Namespace) -> tuple[Any, np.ndarray]:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    return NETWORKS[options.network]().eval(), rng.standard_normal(
        (1, 3, options.size, options.size), np.float32
    )


def _sizes(largest: int) -> list[int]:
    return sorted({largest, *(2**i for i in range(largest.bit_length()) if 2**i <= largest)})


def _files(options: argparse.Namespace, names: list[str], folder: Path) -> dict[str, str]:
    """What each runtime loads."""
    network, x = _network(options)
    ours = jaxconv.from_torch(network, torch.from_numpy(x))
    ours.eval()
    sha256 = jaxconv.compile(ours, x, batch_sizes=_sizes(options.largest)).save(folder / "net")
    torch.save(network, folder / "net.pt")
    files = {"jaxconv": f"{folder / 'net'}:{sha256}", "torch": str(folder / "net.pt")}
    if "onnxruntime" in names:
        (folder / "net.onnx").write_bytes(
            to_onnx(network, torch.from_numpy(np.repeat(x, 2, 0)), any_batch=True)
        )
        files["onnxruntime"] = str(folder / "net.onnx")
    return files


class _Server:
    """A process that serves with one runtime."""

    def __init__(self, name: str, path: str, options: argparse.Namespace):
        began = time.perf_counter()
        numbers = (str(n) for n in (options.size, options.largest, options.threads))
        command = [sys.executable, "-m", "benchmarks.servers", name, path, *numbers]
        environment = os.environ | {"JAX_PLATFORMS": "cpu"}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert self.process.stdout is not None
        self.url = f"http://localhost:{int(self.process.stdout.readline())}/predict"
        self.start = time.perf_counter() - began


async def _load(url: str, body: bytes, connections: int, seconds: float) -> list[float]:
    """The latency of each request."""
    from aiohttp import ClientSession, TCPConnector

    taken: list[float] = []
    end = time.perf_counter() + seconds

    async with ClientSession(connector=TCPConnector(limit=connections)) as client:

        async def one() -> None:
            while (began := time.perf_counter()) < end:
                async with client.post(url, data=body) as answer:
                    await answer.read()
                    answer.raise_for_status()
                taken.append(time.perf_counter() - began)

        await asyncio.gather(*(one() for _ in range(connections)))
    return taken


def _measured(
    servers: dict[str, _Server], connections: int, options: argparse.Namespace
) -> dict[str, dict[str, float]]:
    body = _network(options)[1].tobytes()
    rounds: dict[str, list[list[float]]] = {name: [] for name in servers}
    for server in servers.values():
        asyncio.run(_load(server.url, body, connections, options.seconds / 2))  # warm
    for _ in range(options.rounds):
        for name, server in servers.items():
            rounds[name].append(asyncio.run(_load(server.url, body, connections, options.seconds)))

    def chosen(name: str, of: Any) -> float:
        figures = [of(taken) for taken in rounds[name]]
        return float(min(figures) if options.least else np.median(figures))

    return {
        name: {
            "per_second": -chosen(name, lambda taken: -len(taken) / options.seconds),
            "p50": chosen(name, lambda taken: 1e3 * np.percentile(taken, 50)),
            "p99": chosen(name, lambda taken: 1e3 * np.percentile(taken, 99)),
        }
        for name in servers
    }


def _print(found: dict[int, Any], starts: dict[str, float], options: argparse.Namespace) -> None:
    title = f"{options.network}, 3 x {options.size} x {options.size}, batches up to {options.largest}"
    table = Table("connections", "runtime", "requests/s", "p50, ms", "p99, ms", "start, s", title=title)
    for connections, rows in found.items():
        for name, row in rows.items():
            figures = (
                f"{row['per_second']:.0f}",
                f"{row['p50']:.1f}",
                f"{row['p99']:.1f}",
                f"{starts[name]:.1f}",
            )
            table.add_row(str(connections), name, *figures)
    console = Console(width=110)
    console.print(table)
    console.print(machine())
