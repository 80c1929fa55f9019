"""MobileNetV2 (M. Sandler et al., 2018) by hand in jaxconv's layers, beside its torch twin and `from_torch` of it.

Names and shapes are torchvision's, so its checkpoints load. Run it: `python examples/mobilenetv2.py`.
"""

import jax
import torch
from flax import nnx
from resnet18 import main
from torch import nn

import jaxconv

# Expansion, output channels, blocks, stride of the first block.
SETTINGS = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


def scaled(channels: int, width: float) -> int:
    """The channels times the width multiplier, as a multiple of 8."""
    near = max(8, int(channels * width + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels * width else near


def torch_conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    padding = (kernel - 1) // 2
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class TorchInverted(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int):
        super().__init__()
        self.add = stride == 1 and inputs == outputs
        hidden = inputs * expansion
        layers: list[nn.Module] = [torch_conv(inputs, hidden)] if expansion != 1 else []
        layers += [torch_conv(hidden, hidden, 3, stride, hidden)]
        layers += [nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.conv(x) if self.add else self.conv(x)


class TorchMobileNetV2(nn.Module):
    def __init__(self, width: float = 1.0, num_classes: int = 1000):
        super().__init__()
        channels = scaled(32, width)
        features: list[nn.Module] = [torch_conv(3, channels, 3, 2)]
        for expansion, outputs, count, stride in SETTINGS:
            for i in range(count):
                new = scaled(outputs, width)
                features.append(TorchInverted(channels, new, stride if i == 0 else 1, expansion))
                channels = new
        last = scaled(1280, max(1.0, width))
        features.append(torch_conv(channels, last))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.0), nn.Linear(last, num_classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean((2, 3)))


def conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, *, rngs: nnx.Rngs
) -> jaxconv.Sequential:
    padding = (kernel - 1) // 2
    layer = jaxconv.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False, rngs=rngs)
    return jaxconv.Sequential(layer, jaxconv.BatchNorm2d(outputs), jaxconv.ReLU6(inplace=True))


class Inverted(nnx.Module):
    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int, *, rngs: nnx.Rngs):
        self.add = stride == 1 and inputs == outputs
        hidden = inputs * expansion
        layers: list[nnx.Module] = [conv(inputs, hidden, rngs=rngs)] if expansion != 1 else []
        layers += [conv(hidden, hidden, 3, stride, hidden, rngs=rngs)]
        layers += [jaxconv.Conv2d(hidden, outputs, 1, bias=False, rngs=rngs), jaxconv.BatchNorm2d(outputs)]
        self.conv = jaxconv.Sequential(*layers)

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.conv(x) if self.add else self.conv(x)


class MobileNetV2(nnx.Module):
    def __init__(self, width: float = 1.0, num_classes: int = 1000, *, rngs: nnx.Rngs):
        channels = scaled(32, width)
        features: list[nnx.Module] = [conv(3, channels, 3, 2, rngs=rngs)]
        for expansion, outputs, count, stride in SETTINGS:
            for i in range(count):
                new = scaled(outputs, width)
                features.append(Inverted(channels, new, stride if i == 0 else 1, expansion, rngs=rngs))
                channels = new
        last = scaled(1280, max(1.0, width))
        features.append(conv(channels, last, rngs=rngs))
        self.features = jaxconv.Sequential(*features)
        head = jaxconv.Linear(last, num_classes, rngs=rngs)
        self.classifier = jaxconv.Sequential(jaxconv.Dropout(0.0), head)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.classifier(self.features(x).mean((2, 3)))


if __name__ == "__main__":
    main(TorchMobileNetV2, MobileNetV2)
