"""The server of examples/serve.py: right answers, computed together, and refusals."""

import asyncio
import threading

import numpy as np
import pytest
from examples_support import load

import jaxconv

pytest.importorskip("aiohttp", reason="the extra `serve` is not installed")

SHAPE = (3, 32, 32)
X = np.random.default_rng(0).standard_normal((20, *SHAPE)).astype("<f4")


@pytest.fixture(scope="module")
def serve():
    return load("serve")


def served(app, use):
    """What the coroutine `use` of a client of the server gives."""
    from aiohttp.test_utils import TestClient, TestServer

    async def run():
        async with TestClient(TestServer(app)) as client:
            return await asyncio.wait_for(use(client), 60)

    return asyncio.run(run())


async def predictions(client, images):
    """The answers to requests that are sent at once."""

    async def one(image):
        async with client.post("/predict", data=image.tobytes()) as answer:
            return answer.status, await answer.json() if answer.status == 200 else await answer.text()

    return await asyncio.gather(*(one(image) for image in images))


def test_a_saved_network_answers(serve, tmp_path, capsys):
    serve.main(["make", str(tmp_path / "net")])
    digest = capsys.readouterr().out.strip()
    network = jaxconv.load_compiled(tmp_path / "net", sha256=digest)
    expected = np.concatenate([network(X[:8]), network(X[8:16]), network(X[16:])])
    app = serve.load(tmp_path / "net", digest)

    async def use(client):
        assert await (await client.get("/health")).text() == "ok"
        return await predictions(client, X)

    found = served(app, use)
    assert [status for status, _ in found] == [200] * 20
    scores = np.array([answer["scores"] for _, answer in found], np.float32)
    # Which program computes a sample depends on who else asks: the numbers differ by rounding, which parity judges.
    assert np.array_equal(scores.argsort(1), expected.argsort(1))
    assert [answer["class"] for _, answer in found] == expected.argmax(1).tolist()
    assert sum(app[serve.BATCHES].sizes) == 20 and max(app[serve.BATCHES].sizes) > 1


def test_each_gets_its_own_answer_and_those_that_wait_are_computed_together(serve):
    go, seen = threading.Event(), []

    def function(x):
        if not seen:
            go.set()
        seen.append(len(x))
        threading.Event().wait(0.2 if len(seen) == 1 else 0)
        return x.reshape(len(x), -1)

    app = serve.application(function, (2,), 8)
    images = np.arange(40, dtype="<f4").reshape(20, 2)

    async def use(client):
        first = asyncio.create_task(predictions(client, images[:1]))
        await asyncio.to_thread(go.wait)
        return await first + await predictions(client, images[1:])

    found = served(app, use)
    assert [answer["scores"] for _, answer in found] == images.tolist()
    assert sum(seen) == 20 and max(seen) <= 8


def test_bad_bodies_are_refused(serve):
    app = serve.application(lambda x: pytest.fail("it was computed"), SHAPE, 8)

    async def use(client):
        return [
            (answer.status, await answer.text())
            for body in (b"", X[0].tobytes()[:-1], X[0].tobytes() + b"0", b"0" * 20_000)
            for answer in [await client.post("/predict", data=body)]
        ]

    found = served(app, use)
    assert [status for status, _ in found] == [400, 400, 400, 413]
    assert found[0][1] == "the body must hold 12288 bytes, float32 of shape (3, 32, 32); it holds 0"


def test_too_many_are_turned_away_at_once(serve, monkeypatch):
    monkeypatch.setattr(serve, "LONGEST_QUEUE", 2)
    started, go = threading.Event(), threading.Event()

    def function(x):
        started.set()
        go.wait(30)
        return x

    app = serve.application(function, (1,), 1)

    async def use(client):
        one = np.ones((1, 1), "<f4")
        first = asyncio.create_task(predictions(client, one))
        await asyncio.to_thread(started.wait)
        tasks = [asyncio.create_task(predictions(client, one)) for _ in range(9)]
        while sum(task.done() for task in tasks) < 7:  # two wait
            await asyncio.sleep(0.01)
        go.set()
        return [status for ((status, _),) in await asyncio.gather(first, *tasks)]

    assert sorted(served(app, use)) == [200] * 3 + [503] * 7


def test_a_failure_is_answered_and_the_next_request_is_served(serve):
    def function(x):
        if x[0, 0] < 0:
            raise ArithmeticError("negative")
        return x

    app = serve.application(function, (1,), 4)

    async def use(client):
        return [await predictions(client, np.full((1, 1), value, "<f4")) for value in (-1, 1)]

    ((bad,), (good,)) = served(app, use)
    assert bad[0] == 500 and good == (200, {"class": 0, "scores": [1.0]})
