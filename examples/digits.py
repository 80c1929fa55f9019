"""A CNN trained in torch on handwritten digits, carried to Flax, proven, served, trained on, and carried back.

    python examples/digits.py

The digits are those that scikit-learn ships: 1,797 grey images of 8 x 8 pixels.
"""

from collections.abc import Callable, Iterator
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from flax import nnx
from numpy.typing import NDArray
from sklearn.datasets import load_digits

import jaxconv
import parity

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]
Data = tuple[Floats, Integers]


class TorchCNN(torch.nn.Module):
    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(in_channels, 10, 3, stride=1, padding=1)
        self.pool1 = torch.nn.MaxPool2d(kernel_size=2, stride=1)
        self.conv2 = torch.nn.Conv2d(10, out_channels, 3, stride=1, padding=1)
        self.pool2 = torch.nn.MaxPool2d(kernel_size=2, stride=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.pool2(self.conv2(self.pool1(self.conv1(x))))


class CNN(nnx.Module):
    def __init__(self, in_channels: int, out_channels: int, *, rngs: nnx.Rngs):
        self.conv1 = jaxconv.Conv2d(in_channels, 10, 3, stride=1, padding=1, rngs=rngs)
        self.pool1 = jaxconv.MaxPool2d(kernel_size=2, stride=1)
        self.conv2 = jaxconv.Conv2d(10, out_channels, 3, stride=1, padding=1, rngs=rngs)
        self.pool2 = jaxconv.MaxPool2d(kernel_size=2, stride=1)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.pool2(self.conv2(self.pool1(self.conv1(x))))


def digits() -> tuple[Data, Data]:
    """(train images, train labels), (test images, test labels): images (N, 1, 8, 8) in [0, 1], float32."""
    data = cast("Callable[[], Any]", load_digits)()
    images = (np.asarray(data.images)[:, None] / 16).astype(np.float32)
    labels = np.asarray(data.target).astype(np.int64)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1400], order[1400:]
    return (images[train], labels[train]), (images[test], labels[test])


def batches(images: Floats, labels: Integers, epochs: int, seed: int, size: int = 100) -> Iterator[Data]:
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        for rows in np.split(rng.permutation(len(images)), len(images) // size):
            yield images[rows], labels[rows]


def torch_logits(model: TorchCNN, images: Floats) -> torch.Tensor:
    return model(torch.from_numpy(images)).mean((2, 3))  # the mean over positions is the score of a digit


def torch_predictions(model: TorchCNN, images: Floats) -> Integers:
    with torch.no_grad():
        return torch_logits(model, images).argmax(1).numpy()


def train_torch(model: TorchCNN, images: Floats, labels: Integers, epochs: int) -> float:
    loss = torch.zeros(())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for x, target in batches(images, labels, epochs, seed=1):
        loss = torch.nn.functional.cross_entropy(torch_logits(model, x), torch.from_numpy(target))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def train_flax(model: CNN, images: Floats, labels: Integers, epochs: int) -> float:
    loss = jnp.zeros(())
    optimizer = nnx.Optimizer(model, optax.adam(0.02), wrt=nnx.Param)

    @nnx.jit
    def step(model: CNN, optimizer: nnx.Optimizer[CNN], x: jax.Array, target: jax.Array) -> jax.Array:
        def loss_of(model: CNN) -> jax.Array:
            logits = model(x).mean((2, 3))
            return optax.softmax_cross_entropy_with_integer_labels(logits, target).mean()

        loss, grads = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, grads)
        return loss

    for x, target in batches(images, labels, epochs, seed=2):
        loss = step(model, optimizer, jnp.asarray(x), jnp.asarray(target))
    return float(loss)


def main(epochs: int = 8) -> tuple[parity.Report, Integers, Integers, Integers]:
    (images, labels), (test_images, test_labels) = digits()

    torch.manual_seed(0)
    torch_model = TorchCNN(1, 10)
    loss = train_torch(torch_model, images, labels, epochs)
    predicted = torch_predictions(torch_model, test_images)
    print(f"torch, {epochs} epochs: loss {loss:.3f}, accuracy {(predicted == test_labels).mean():.1%}")

    model = CNN(1, 10, rngs=nnx.Rngs(0))
    model = jaxconv.load_state_dict(model, torch_model.state_dict())  # a new model, torch's weights

    report = parity.check(torch_model, model, test_images[:64])
    print(report)
    report.assert_ok()

    def classes(images: jax.Array) -> jax.Array:
        return model(images).mean((2, 3)).argmax(1)

    serve = cast("Callable[[jax.Array], jax.Array]", jax.jit(classes))
    served = np.asarray(serve(jnp.asarray(test_images)))
    agree = int((served == predicted).sum())
    print(f"jax.jit serves {agree} of {len(predicted)} test images as torch does")

    loss = train_flax(model, images, labels, epochs)
    predicted = np.asarray(model(jnp.asarray(test_images)).mean((2, 3)).argmax(1))
    print(f"Flax, {epochs} epochs more: loss {loss:.3f}, accuracy {(predicted == test_labels).mean():.1%}")

    torch_model.load_state_dict(jaxconv.to_torch(jaxconv.state_dict(model)))
    back = torch_predictions(torch_model, test_images)
    print(f"back in torch: {int((back == predicted).sum())} of {len(back)} predictions are the same")
    return report, served, predicted, back


if __name__ == "__main__":
    main()
