"""Eight networks that people run, in torch as torchvision has them; `jaxconv.from_torch` makes ours."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn


def _conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: Any = None
) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


class _Residual(nn.Module):
    """relu(body(x) + shortcut(x))."""

    def __init__(self, body: nn.Module, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.body = body
        changed = stride != 1 or inputs != outputs
        self.downsample = _conv_bn(inputs, outputs, 1, stride) if changed else nn.Sequential()

    def forward(self, x: Any) -> Any:
        return torch.relu(self.body(x) + self.downsample(x))


def _basic(inputs: int, width: int, stride: int) -> _Residual:
    body = nn.Sequential(_conv_bn(inputs, width, 3, stride, act=nn.ReLU), _conv_bn(width, width, 3))
    return _Residual(body, inputs, width, stride)


def _bottleneck(inputs: int, width: int, stride: int, groups: int = 1, per_group: int = 64) -> _Residual:
    inner = width * per_group // 64 * groups
    body = nn.Sequential(
        _conv_bn(inputs, inner, 1, act=nn.ReLU),
        _conv_bn(inner, inner, 3, stride, groups, act=nn.ReLU),
        _conv_bn(inner, 4 * width, 1),
    )
    return _Residual(body, inputs, 4 * width, stride)


def _resnet(
    counts: tuple[int, ...], block: Callable[..., _Residual], expansion: int, **more: int
) -> nn.Module:
    """K. He et al., 2016, and S. Xie et al., 2017."""
    layers: list[nn.Module] = [_conv_bn(3, 64, 7, 2, act=nn.ReLU), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, count in enumerate(counts):
        width = 64 * 2**stage
        for i in range(count):
            layers.append(block(inputs, width, 2 if stage and not i else 1, **more))
            inputs = expansion * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


class _Skip(nn.Module):
    """body(x) + x where the shapes allow it."""

    def __init__(self, body: nn.Module, same: bool):
        super().__init__()
        self.body, self.same = body, same

    def forward(self, x: Any) -> Any:
        return x + self.body(x) if self.same else self.body(x)


class _Excite(nn.Module):
    """Squeeze and excite (J. Hu et al., 2018)."""

    def __init__(self, channels: int, squeezed: int, act: Any):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.act = act()

    def forward(self, x: Any) -> Any:
        return x * torch.sigmoid(self.fc2(self.act(self.fc1(x.mean((2, 3), keepdim=True)))))


def _inverted(
    inputs: int, outputs: int, kernel: int, stride: int, expand: int, act: Any, excite: bool
) -> _Skip:
    inner = inputs * expand
    parts: list[nn.Module] = [_conv_bn(inputs, inner, 1, act=act)] if expand > 1 else []
    parts.append(_conv_bn(inner, inner, kernel, stride, inner, act))
    parts += [_Excite(inner, inputs // 4, nn.SiLU)] if excite else []
    return _Skip(nn.Sequential(*parts, _conv_bn(inner, outputs, 1)), stride == 1 and inputs == outputs)


def _of_inverted(rows: Any, first: int, last: int, act: Any, excite: bool) -> nn.Module:
    layers: list[nn.Module] = [_conv_bn(3, first, 3, 2, act=act)]
    inputs = first
    for expand, outputs, count, stride, kernel in rows:
        for i in range(count):
            layers.append(_inverted(inputs, outputs, kernel, 1 if i else stride, expand, act, excite))
            inputs = outputs
    layers += [_conv_bn(inputs, last, 1, act=act), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Dropout(0.2), nn.Linear(last, 1000))


def mobilenet_v2() -> nn.Module:
    """M. Sandler et al., 2018."""
    rows = [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3), (6, 160, 3, 2, 3),
        (6, 320, 1, 1, 3),
    ]  # fmt: skip
    return _of_inverted(rows, 32, 1280, nn.ReLU6, False)


def efficientnet_b0() -> nn.Module:
    """M. Tan and Q. Le, 2019."""
    rows = [
        (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
        (6, 320, 1, 1, 3),
    ]  # fmt: skip
    return _of_inverted(rows, 32, 1280, nn.SiLU, True)


class _LayerNorm2d(nn.LayerNorm):
    """Over the channels of (N, C, H, W)."""

    def forward(self, x: Any) -> Any:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _ConvNeXtBlock(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        self.depthwise, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c, 1e-6)
        self.grow, self.shrink = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.scale = nn.Parameter(torch.full((c,), 1e-6))

    def forward(self, x: Any) -> Any:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.shrink(nn.functional.gelu(self.grow(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext_tiny() -> nn.Module:
    """Z. Liu et al., 2022."""
    layers: list[nn.Module] = [nn.Conv2d(3, 96, 4, 4), _LayerNorm2d(96, 1e-6)]
    for stage, count in enumerate((3, 3, 9, 3)):
        c = 96 * 2**stage
        if stage:
            layers += [_LayerNorm2d(c // 2, 1e-6), nn.Conv2d(c // 2, c, 2, 2)]
        layers += [_ConvNeXtBlock(c) for _ in range(count)]
    layers += [nn.AdaptiveAvgPool2d(1), _LayerNorm2d(768, 1e-6), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(768, 1000))


def regnet_y_400mf() -> nn.Module:
    """I. Radosavovic et al., 2020: group width 8, squeeze to a quarter of the block's input."""
    layers: list[nn.Module] = [_conv_bn(3, 32, 3, 2, act=nn.ReLU)]
    inputs = 32
    for width, count in ((48, 1), (104, 3), (208, 6), (440, 6)):
        for i in range(count):
            stride = 1 if i else 2
            body = nn.Sequential(
                _conv_bn(inputs, width, 1, act=nn.ReLU),
                _conv_bn(width, width, 3, stride, width // 8, nn.ReLU),
                _Excite(width, round(inputs / 4), nn.ReLU),
                _conv_bn(width, width, 1),
            )
            layers.append(_Residual(body, inputs, width, stride))
            inputs = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


class _ShuffleUnit(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        half = outputs // 2
        self.stride = stride
        taken = inputs if stride == 2 else half
        self.left = (
            nn.Sequential(_conv_bn(inputs, inputs, 3, 2, inputs), _conv_bn(inputs, half, 1, act=nn.ReLU))
            if stride == 2
            else nn.Sequential()
        )
        self.right = nn.Sequential(
            _conv_bn(taken, half, 1, act=nn.ReLU),
            _conv_bn(half, half, 3, stride, half),
            _conv_bn(half, half, 1, act=nn.ReLU),
        )

    def forward(self, x: Any) -> Any:
        left, right = (x, x) if self.stride == 2 else x.chunk(2, 1)
        return nn.functional.channel_shuffle(torch.cat([self.left(left), self.right(right)], 1), 2)


def shufflenet_v2() -> nn.Module:
    """N. Ma et al., 2018, of width 1."""
    layers: list[nn.Module] = [_conv_bn(3, 24, 3, 2, act=nn.ReLU), nn.MaxPool2d(3, 2, 1)]
    inputs = 24
    for outputs, count in ((116, 4), (232, 8), (464, 4)):
        for i in range(count):
            layers.append(_ShuffleUnit(inputs, outputs, 1 if i else 2))
            inputs = outputs
    layers += [_conv_bn(inputs, 1024, 1, act=nn.ReLU), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(1024, 1000))


def resnet18() -> nn.Module:
    """K. He et al., 2016."""
    return _resnet((2, 2, 2, 2), _basic, 1)


def resnet50() -> nn.Module:
    """K. He et al., 2016, with torchvision's strides."""
    return _resnet((3, 4, 6, 3), _bottleneck, 4)


def resnext50() -> nn.Module:
    """S. Xie et al., 2017: 32 groups of 4."""
    return _resnet((3, 4, 6, 3), _bottleneck, 4, groups=32, per_group=4)


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "ResNet-18": resnet18,
    "ResNet-50": resnet50,
    "ResNeXt-50 32x4d": resnext50,
    "MobileNetV2": mobilenet_v2,
    "EfficientNet-B0": efficientnet_b0,
    "ConvNeXt-T": convnext_tiny,
    "RegNetY-400MF": regnet_y_400mf,
    "ShuffleNetV2": shufflenet_v2,
}
