"""A network over HTTP: requests that arrive together are computed together.

    python examples/serve.py make net.jaxconv       writes a compiled network, and prints its SHA-256
    python examples/serve.py run net.jaxconv --sha256 ...
    curl --data-binary @image.f32 http://localhost:8000/predict

A request's body is one image: float32 numbers, little endian, in the order (C, H, W). The answer is JSON. The server
loads the program instead of compiling it, and it needs no code of the network.
"""

import argparse
import asyncio
import math
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from aiohttp import web
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]
Answer = asyncio.Future[Array]
Function = Callable[[Array], ArrayLike]

LONGEST_QUEUE = 256
"""Requests that wait. More are answered with 503 at once, instead of all of them late."""


class Batches:
    """Collects samples from several tasks, and calls a function on as many at once as it takes."""

    def __init__(self, function: Function, largest: int):
        self.function, self.largest = function, largest
        self.sizes: list[int] = []  # of the batches so far
        self._waiting: asyncio.Queue[tuple[Array, Answer]] = asyncio.Queue(LONGEST_QUEUE)
        # One thread: the function uses all cores by itself. What arrives meanwhile becomes the next batch.
        self._thread = ThreadPoolExecutor(1)
        self._task = asyncio.create_task(self._work())

    async def __call__(self, sample: Array) -> Array:
        """The function's result for one sample. Raises asyncio.QueueFull if too many wait."""
        result: Answer = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((sample, result))
        return await result

    async def close(self) -> None:
        self._task.cancel()
        while not self._waiting.empty():
            self._waiting.get_nowait()[1].cancel()
        self._thread.shutdown()

    async def _work(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < self.largest and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            # Whoever has hung up is not computed.
            batch = [(sample, result) for sample, result in batch if not result.cancelled()]
            if batch:
                await self._compute([sample for sample, _ in batch], [result for _, result in batch])

    async def _compute(self, samples: list[Array], results: list[Answer]) -> None:
        self.sizes.append(len(samples))
        try:
            loop = asyncio.get_running_loop()
            computed = await loop.run_in_executor(self._thread, self.function, np.stack(samples))
            found: list[Array | Exception] = [*np.asarray(computed)]
        except Exception as error:
            found = [error] * len(results)
        for result, value in zip(results, found, strict=True):
            if result.cancelled():
                continue
            if isinstance(value, Exception):
                result.set_exception(value)
            else:
                result.set_result(value)


BATCHES = web.AppKey("batches", Batches)


def application(function: Function, shape: tuple[int, ...], largest: int) -> web.Application:
    """The server.

    Args:
        function: of an array (N, *shape) of float32, N at most `largest`; gives an array of N results.
        shape: of one sample.
    """
    size = 4 * math.prod(shape)

    async def predict(request: web.Request) -> web.Response:
        body = await request.read()
        if len(body) != size:
            text = f"the body must hold {size} bytes, float32 of shape {shape}; it holds {len(body)}"
            raise web.HTTPBadRequest(text=text)
        try:
            scores = await app[BATCHES](np.frombuffer(body, "<f4").reshape(shape))
        except asyncio.QueueFull:
            raise web.HTTPServiceUnavailable(headers={"Retry-After": "1"}) from None
        return web.json_response({"class": int(scores.argmax()), "scores": scores.tolist()})

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def batches(app: web.Application) -> AsyncIterator[None]:
        app[BATCHES] = Batches(function, largest)
        yield
        await app[BATCHES].close()

    app = web.Application(client_max_size=size + 1024)
    app.router.add_post("/predict", predict)
    app.router.add_get("/health", health)
    app.cleanup_ctx.append(batches)
    return app


def make(path: Path | str) -> str:
    """Writes a network for images of 3 x 32 x 32. Returns its SHA-256."""
    from flax import nnx

    import jaxconv

    rngs = nnx.Rngs(0)
    network = jaxconv.Sequential(
        *(jaxconv.Conv2d(3, 16, 3, padding=1, rngs=rngs), jaxconv.BatchNorm2d(16), jaxconv.ReLU()),
        *(jaxconv.Conv2d(16, 32, 3, stride=2, rngs=rngs), jaxconv.BatchNorm2d(32), jaxconv.ReLU()),
        *(jaxconv.AdaptiveAvgPool2d(1), jaxconv.Flatten(), jaxconv.Linear(32, 10, rngs=rngs)),
    )
    example = np.zeros((1, 3, 32, 32), np.float32)
    return jaxconv.compile(network, example, batch_sizes=(1, 2, 4, 8)).save(path)


def load(path: Path | str, sha256: str) -> web.Application:
    """The server of a saved network."""
    import jaxconv

    compiled = jaxconv.load_compiled(path, sha256=sha256)
    (example,) = compiled.examples
    for size in compiled.batch_sizes:  # the first call of a program is slower
        compiled(np.zeros((size, *example.shape[1:]), example.dtype))
    return application(compiled, example.shape[1:], compiled.batch_sizes[-1])


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("make", "write a compiled network"), ("run", "serve a compiled network over HTTP")):
        command = commands.add_parser(name, help=about)
        command.add_argument("path", help="the file of the compiled network")
    command.add_argument(
        "--sha256", required=True, help="load only a file with this hash, which `make` prints"
    )
    command.add_argument("--host", default="localhost", help="listen on this address (default: %(default)s)")
    command.add_argument("--port", type=int, default=8000, help="listen on this port (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.command == "make":
        print(make(options.path))
    else:
        web.run_app(load(options.path, options.sha256), host=options.host, port=options.port)


if __name__ == "__main__":
    main(sys.argv[1:])
