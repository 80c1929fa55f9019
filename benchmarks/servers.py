"""The server of examples/serve.py with one runtime: `python -m benchmarks.servers RUNTIME FILE SIZE LARGEST THREADS`.

It prints its port and serves until it is ended. It imports only what its runtime needs.
"""

import asyncio
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

EXAMPLE = Path(__file__).parents[1] / "examples" / "serve.py"
Function = Callable[[np.ndarray], np.ndarray]


def _example() -> Any:
    spec = importlib.util.spec_from_file_location("serve", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_torch(path: str, threads: int) -> Function:
    """A pickled module in eager mode."""
    import torch

    torch.set_num_threads(threads)
    network = torch.load(path, weights_only=False)

    def function(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()

    return function


def in_onnxruntime(path: str, threads: int) -> Function:
    """An ONNX file with all of the runtime's optimisations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (name,) = (entry.name for entry in session.get_inputs())
    return lambda x: session.run(None, {name: x})[0]


def main(runtime: str, path: str, *numbers: str) -> None:
    """Serves."""
    size, largest, threads = map(int, numbers)
    serve, shape = _example(), (3, size, size)
    if runtime == "jaxconv":
        app = serve.load(*path.rsplit(":", 1))
    else:
        function = {"torch": in_torch, "onnxruntime": in_onnxruntime}[runtime](path, threads)
        for n in range(1, largest + 1):
            function(np.zeros((n, *shape), np.float32))
        app = serve.application(function, shape, largest)

    async def forever() -> None:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "localhost", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(forever())


if __name__ == "__main__":
    main(*sys.argv[1:])
