"""ResNet-18 (K. He et al., 2016) by hand in jaxconv's layers, beside its torch twin and beside `from_torch` of it.

Names and shapes are torchvision's, so its checkpoints load. Run it: `python examples/resnet18.py`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch
from flax import nnx
from torch import nn

import jaxconv
import parity


class TorchBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class TorchResNet18(nn.Module):
    def __init__(self, width: int = 64, num_classes: int = 1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]

        def layer(i: int) -> nn.Sequential:
            return nn.Sequential(
                TorchBlock(sizes[i - 1], sizes[i], 1 + (i > 1)), TorchBlock(sizes[i], sizes[i], 1)
            )

        self.layer1, self.layer2, self.layer3, self.layer4 = layer(1), layer(2), layer(3), layer(4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Block(nnx.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, *, rngs: nnx.Rngs):
        self.conv1 = jaxconv.Conv2d(inputs, outputs, 3, stride, 1, bias=False, rngs=rngs)
        self.bn1 = jaxconv.BatchNorm2d(outputs)
        self.relu = jaxconv.ReLU(inplace=True)
        self.conv2 = jaxconv.Conv2d(outputs, outputs, 3, 1, 1, bias=False, rngs=rngs)
        self.bn2 = jaxconv.BatchNorm2d(outputs)
        self.downsample: jaxconv.Sequential | None = nnx.data(None)
        if stride != 1 or inputs != outputs:
            self.downsample = nnx.data(
                jaxconv.Sequential(
                    jaxconv.Conv2d(inputs, outputs, 1, stride, bias=False, rngs=rngs),
                    jaxconv.BatchNorm2d(outputs),
                )
            )

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nnx.Module):
    def __init__(self, width: int = 64, num_classes: int = 1000, *, rngs: nnx.Rngs):
        self.conv1 = jaxconv.Conv2d(3, width, 7, 2, 3, bias=False, rngs=rngs)
        self.bn1 = jaxconv.BatchNorm2d(width)
        self.relu = jaxconv.ReLU(inplace=True)
        self.maxpool = jaxconv.MaxPool2d(3, 2, 1)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]

        def layer(i: int) -> jaxconv.Sequential:
            first = Block(sizes[i - 1], sizes[i], 1 + (i > 1), rngs=rngs)
            return jaxconv.Sequential(first, Block(sizes[i], sizes[i], 1, rngs=rngs))

        self.layer1, self.layer2, self.layer3, self.layer4 = layer(1), layer(2), layer(3), layer(4)
        self.avgpool = jaxconv.AdaptiveAvgPool2d(1)
        self.fc = jaxconv.Linear(8 * width, num_classes, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(jaxconv.functional.flatten(self.avgpool(x), 1))


def same_bits(ours: nnx.Module, theirs: nn.Module) -> bool:
    """Whether all parameters and buffers are equal, bit for bit, under the same names in the same order."""
    mine, other = jaxconv.state_dict(ours), theirs.state_dict()
    return list(mine) == list(other) and all(
        np.array_equal(np.asarray(mine[name]), other[name].numpy()) for name in other
    )


def main(
    torch_kind: Callable[..., nn.Module] = TorchResNet18,
    kind: Callable[..., nnx.Module] = ResNet18,
    size: int = 64,
    **options: float,
) -> None:
    torch.manual_seed(0)
    twin = torch_kind(**options)
    model = kind(**options, rngs=jaxconv.TorchRngs(0))
    print("same seed, same bits:", same_bits(model, twin))
    x = np.random.default_rng(0).standard_normal((2, 3, size, size), dtype=np.float32)

    twin.eval()
    model.eval()
    report = parity.check(twin, model, x)
    print(f"by hand, eval: {str(report).splitlines()[0]}")
    report.assert_ok()
    twin.train()
    model.train()
    report = parity.check(twin, model, x)
    print(f"by hand, train: {str(report).splitlines()[0]}")
    report.assert_ok()

    twin.eval()
    taken = jaxconv.from_torch(twin, torch.from_numpy(x))
    report = parity.check(twin, taken, x)
    print(f"from_torch, eval: {str(report).splitlines()[0]}")
    report.assert_ok()

    @nnx.jit
    def served(model: nnx.Module, x: jax.Array) -> jax.Array:
        return model(x).argmax(1)

    with torch.no_grad():
        print(
            "same classes:",
            np.array_equal(served(taken, jnp.asarray(x)), twin(torch.from_numpy(x)).argmax(1).numpy()),
        )


if __name__ == "__main__":
    main()
