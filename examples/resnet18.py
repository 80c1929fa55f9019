"""ResNet-18 (K. He et al., 2016) by hand in jaxconv's layers, beside its torch twin and beside `from_torch` of it.

Names and shapes are torchvision's, so its checkpoints load. Run it: `python examples/resnet18.py`.
"""

import jax
import numpy as np
import torch
from flax import nnx
from torch import nn

import jaxconv
import parity


class TorchBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class TorchResNet18(nn.Module):
    def __init__(self, width=64, num_classes=1000):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        for i in range(1, 5):
            blocks = TorchBlock(sizes[i - 1], sizes[i], 1 + (i > 1)), TorchBlock(sizes[i], sizes[i], 1)
            setattr(self, f"layer{i}", nn.Sequential(*blocks))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, num_classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


class Block(nnx.Module):
    def __init__(self, inputs, outputs, stride, *, rngs):
        self.conv1 = jaxconv.Conv2d(inputs, outputs, 3, stride, 1, bias=False, rngs=rngs)
        self.bn1 = jaxconv.BatchNorm2d(outputs)
        self.relu = jaxconv.ReLU(inplace=True)
        self.conv2 = jaxconv.Conv2d(outputs, outputs, 3, 1, 1, bias=False, rngs=rngs)
        self.bn2 = jaxconv.BatchNorm2d(outputs)
        self.downsample = nnx.data(None)
        if stride != 1 or inputs != outputs:
            self.downsample = nnx.data(
                jaxconv.Sequential(
                    jaxconv.Conv2d(inputs, outputs, 1, stride, bias=False, rngs=rngs),
                    jaxconv.BatchNorm2d(outputs),
                )
            )

    def __call__(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet18(nnx.Module):
    def __init__(self, width=64, num_classes=1000, *, rngs):
        self.conv1 = jaxconv.Conv2d(3, width, 7, 2, 3, bias=False, rngs=rngs)
        self.bn1 = jaxconv.BatchNorm2d(width)
        self.relu = jaxconv.ReLU(inplace=True)
        self.maxpool = jaxconv.MaxPool2d(3, 2, 1)
        sizes = [width, width, 2 * width, 4 * width, 8 * width]
        for i in range(1, 5):
            first = Block(sizes[i - 1], sizes[i], 1 + (i > 1), rngs=rngs)
            setattr(self, f"layer{i}", jaxconv.Sequential(first, Block(sizes[i], sizes[i], 1, rngs=rngs)))
        self.avgpool = jaxconv.AdaptiveAvgPool2d(1)
        self.fc = jaxconv.Linear(8 * width, num_classes, rngs=rngs)

    def __call__(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(jaxconv.functional.flatten(self.avgpool(x), 1))


def same_bits(ours, theirs):
    """Whether all parameters and buffers are equal, bit for bit, under the same names in the same order."""
    mine, other = jaxconv.state_dict(ours), theirs.state_dict()
    return list(mine) == list(other) and all(
        np.array_equal(np.asarray(mine[name]), other[name].numpy()) for name in other
    )


def main(torch_kind=TorchResNet18, kind=ResNet18, size=64, **options):
    torch.manual_seed(0)
    twin = torch_kind(**options)
    model = kind(**options, rngs=jaxconv.TorchRngs(0))
    print("same seed, same bits:", same_bits(model, twin))
    x = np.random.default_rng(0).standard_normal((2, 3, size, size), dtype=np.float32)

    twin.eval(), model.eval()
    report = parity.check(twin, model, x)
    print(f"by hand, eval: {str(report).splitlines()[0]}")
    report.assert_ok()
    twin.train(), model.train()
    report = parity.check(twin, model, x)
    print(f"by hand, train: {str(report).splitlines()[0]}")
    report.assert_ok()

    twin.eval()
    taken = jaxconv.from_torch(twin, torch.from_numpy(x))
    report = parity.check(twin, taken, x)
    print(f"from_torch, eval: {str(report).splitlines()[0]}")
    report.assert_ok()

    served = jax.jit(lambda model, x: model(x).argmax(1))(taken, x)
    with torch.no_grad():
        print("same classes:", np.array_equal(served, twin(torch.from_numpy(x)).argmax(1).numpy()))


if __name__ == "__main__":
    main()
