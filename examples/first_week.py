"""The first week with jaxconv, in a minute: from one Conv2d to a network that is served.

    python examples/first_week.py

Monday a layer, Tuesday a network of one's own and a proof that it is torch's, Wednesday training, Thursday surgery,
Friday a torch network as it is, and the weekend: compiled, saved and served.
"""

import asyncio
import importlib.util
import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from flax import nnx
from numpy.typing import NDArray

import jaxconv
import parity
from jaxconv import surgery


class TorchCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 8, 3, padding=1, bias=False)
        self.bn = torch.nn.BatchNorm2d(8)
        self.pool = torch.nn.MaxPool2d(2)
        self.conv2 = torch.nn.Conv2d(8, 10, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv2(self.pool(torch.relu(self.bn(self.conv1(x))))).mean((2, 3))


class CNN(nnx.Module):
    def __init__(self, *, rngs: nnx.Rngs):
        self.conv1 = jaxconv.Conv2d(1, 8, 3, padding=1, bias=False, rngs=rngs)
        self.bn = jaxconv.BatchNorm2d(8)
        self.pool = jaxconv.MaxPool2d(2)
        self.conv2 = jaxconv.Conv2d(8, 10, 3, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.conv2(self.pool(nnx.relu(self.bn(self.conv1(x))))).mean((2, 3))


def stripes(n: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Images (N, 1, 8, 8) with stripes, upright (0) or level (1), in noise; and which."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    lines = np.tile(np.sign(np.sin(np.arange(8) * np.pi / 2 + 0.1)), (8, 1))
    images = np.where(labels[:, None, None] == 0, lines, lines.T) + rng.standard_normal((n, 8, 8)) / 2
    return images[:, None].astype(np.float32), labels


def monday() -> jax.Array:
    """A layer: torch's arguments, names and shapes."""
    conv = jaxconv.Conv2d(1, 4, 3, stride=2, padding=1, rngs=nnx.Rngs(0))
    y = conv(np.ones((2, 1, 8, 8), np.float32))
    print("Monday:", y.shape, {name: array.shape for name, array in jaxconv.state_dict(conv).items()})
    return y


def tuesday() -> tuple[CNN, parity.Report]:
    """A port with torch's weights, and a proof."""
    torch.manual_seed(0)
    theirs = TorchCNN()
    model = jaxconv.load_state_dict(CNN(rngs=nnx.Rngs(0)), theirs.state_dict())
    report = parity.check(theirs, model, stripes(4, seed=0)[0])
    report.assert_ok()
    print("Tuesday:", str(report).partition("\n")[0])
    return model, report


def wednesday(model: CNN, steps: int = 60) -> list[float]:
    """Training."""
    optimizer = nnx.Optimizer(model, optax.adam(0.02), wrt=nnx.Param)

    @nnx.jit
    def step(model: CNN, optimizer: nnx.Optimizer[CNN], x: jax.Array, labels: jax.Array) -> jax.Array:
        def loss_of(model: CNN) -> jax.Array:
            return jaxconv.functional.cross_entropy(model(x), labels)

        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    batches = (stripes(32, seed) for seed in range(1, steps + 1))
    losses = [float(step(model, optimizer, jnp.asarray(x), jnp.asarray(labels))) for x, labels in batches]
    print(f"Wednesday: the loss fell from {losses[0]:.2f} to {losses[-1]:.2f}")
    return losses


def thursday(model: CNN) -> CNN:
    """Surgery: another head; the trained model stays as it is."""
    pruned = surgery.update(model, "conv1.weight", lambda w: w.at[0].set(0))
    head = {name: array[:2] for name, array in surgery.select(model, "conv2.*").items()}
    smaller = nnx.clone(pruned)
    smaller.conv2 = jaxconv.Conv2d(8, 2, 3, rngs=nnx.Rngs(0))
    smaller = surgery.replace(smaller, head)
    print("Thursday:", smaller.conv2.weight[...].shape, "instead of", model.conv2.weight[...].shape)
    return smaller


def friday() -> parity.Report:
    """A torch network as it is."""
    torch.manual_seed(1)
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.GELU(), torch.nn.Flatten(), torch.nn.Linear(144, 2)
    ).eval()
    x, _ = stripes(4, seed=0)
    converted = jaxconv.from_torch(theirs, torch.from_numpy(x))
    report = parity.check(theirs, converted, x)
    report.assert_ok()
    print("Friday:", str(report).partition("\n")[0])
    return report


def saturday(model: CNN, path: Path) -> tuple[str, NDArray[np.bool_]]:
    """Compiled for a few batch sizes, saved, and loaded again."""
    x, labels = stripes(200, seed=1000)
    compiled = jaxconv.compile(model, x[:1], pairs=[("conv1", "bn")], batch_sizes=(1, 8, 256))
    sha256 = compiled.save(path)
    loaded = jaxconv.load_compiled(path, sha256=sha256)
    predicted = np.asarray(loaded(x)).argmax(1)
    size = Path(path).stat().st_size >> 10
    print(f"Saturday: {(predicted == labels).sum()} of {len(x)} are right; the file has {size} KiB")
    return sha256, predicted == labels


def sunday(path: Path, sha256: str) -> NDArray[np.bool_]:
    """Served over HTTP, with the server of serve.py; asked by as many clients as there are images."""
    from aiohttp.test_utils import TestClient, TestServer

    spec = importlib.util.spec_from_file_location("serve", Path(__file__).with_name("serve.py"))
    assert spec is not None and spec.loader is not None
    serve = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(serve)
    x, labels = stripes(20, seed=1001)

    async def ask() -> list[int]:
        async with TestClient(TestServer(serve.load(path, sha256))) as client:

            async def one(image: NDArray[np.float32]) -> int:
                async with client.post("/predict", data=image.astype("<f4").tobytes()) as answer:
                    return (await answer.json())["class"]

            return await asyncio.gather(*map(one, x))

    right = np.array(asyncio.run(ask())) == labels
    print(f"Sunday: {right.sum()} of {len(x)} answers are right")
    return right


def main() -> None:
    monday()
    model, _ = tuesday()
    wednesday(model)
    model = thursday(model)
    friday()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "stripes.jaxconv")
        sha256, _ = saturday(model, path)
        sunday(path, sha256)


if __name__ == "__main__":
    print(f"jax {jax.__version__}, {jaxconv.kernels()}", file=sys.stderr)
    main()
