"""Measures `parity.check` of a 50-layer residual network: seconds, and memory in addition to the two models.

The first run compiles everything. The second run uses the compiled programs.
"""

import argparse
import resource
import threading
import time


def add_arguments(command: argparse.ArgumentParser) -> None:
    """`--size`, `--batch`, `--train`."""
    command.add_argument(
        "--size",
        type=int,
        default=224,
        help="use images of this height and width, in pixels (default: %(default)s)",
    )
    command.add_argument(
        "--batch", type=int, default=1, help="use this many images a batch (default: %(default)s)"
    )
    command.add_argument("--train", action="store_true", help="compare in training mode instead of eval mode")


def run(options: argparse.Namespace) -> None:
    """Prints one line for each run."""
    import numpy as np
    import torch

    import jaxconv
    import parity
    from benchmarks.architectures import resnet50

    torch.manual_seed(0)
    network = resnet50().train(options.train)
    shape = (options.batch, 3, options.size, options.size)
    x = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    ours = jaxconv.from_torch(network, torch.from_numpy(x))
    before = _resident()
    for what in ("with compilation", "compiled"):
        start = time.perf_counter()
        with _Peak() as peak:
            report = parity.check(network, ours, x)
        seconds = time.perf_counter() - start
        more = (peak.most - before) / 2**30
        print(f"{what}: {seconds:.0f} s, {more:.2f} GiB above the models; {report.short().splitlines()[0]}")


class _Peak:
    """The most memory resident while it is entered, in bytes, looked at every 20 ms."""

    def __enter__(self) -> "_Peak":
        self.most = _resident()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            self.most = max(self.most, _resident())


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
