"""Small convolutional networks in torch, each in the style of a well-known one."""

from collections import OrderedDict, namedtuple

import torch
from torch import nn
from torch.nn import functional as F


def conv_bn(inputs, outputs, kernel_size=3, activation=nn.ReLU, **options):
    padding = options.pop("padding", kernel_size // 2)
    conv = nn.Conv2d(inputs, outputs, kernel_size, padding=padding, bias=False, **options)
    layers = [conv, nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, activation(inplace=True)) if activation else nn.Sequential(*layers)


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += identity
        return self.relu(out)


class Residual(nn.Module):
    """ResNet (He et al. 2015)."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(ResidualBlock(8, 8), ResidualBlock(8, 16, 2))
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layer1(x)), 1))


class Dense(nn.Module):
    """DenseNet (Huang et al. 2016): every layer sees all before it."""

    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(4 + 4 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(4 + 4 * i, 4, 3, padding=1, bias=False) for i in range(3))
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.transition = nn.Sequential(
            OrderedDict(norm=nn.BatchNorm2d(16), conv=nn.Conv2d(16, 8, 1), pool=nn.AvgPool2d(2, 2))
        )

    def forward(self, x):
        features = [self.stem(x)]
        for norm, conv in zip(self.norms, self.convs, strict=True):
            features.append(conv(F.relu(norm(torch.cat(features, 1)))))
        return self.transition(torch.cat(features, 1)).mean([2, 3])


class InceptionBlock(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.branch1 = conv_bn(inputs, 4, 1)
        self.branch2 = nn.Sequential(conv_bn(inputs, 4, 1), conv_bn(4, 4, 3))
        self.branch3 = nn.Sequential(conv_bn(inputs, 4, 1), nn.Conv2d(4, 4, (1, 5), padding=(0, 2)))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), conv_bn(inputs, 4, 1))

    def forward(self, x):
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class Inception(nn.Module):
    """GoogLeNet (Szegedy et al. 2014): branches, concatenated."""

    def __init__(self):
        super().__init__()
        self.block = InceptionBlock(3)
        self.conv = nn.Conv2d(16, 5, 3, stride=2)

    def forward(self, x):
        x = F.avg_pool2d(self.block(x), 3, stride=2, padding=1, count_include_pad=False)
        return self.conv(x).amax((2, 3))


GoogLeNetOutputs = namedtuple("GoogLeNetOutputs", ["logits", "aux"])


class Auxiliary(nn.Module):
    """GoogLeNet's second head, which is there in training only."""

    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 8)
        self.block = InceptionBlock(8)
        self.aux = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x)
        aux = self.aux(x) if self.training else None
        return GoogLeNetOutputs(self.fc(self.block(x).mean((-2, -1))), aux)


class SqueezeExcite(nn.Module):
    """SE-Net (Hu et al. 2017): channels scaled by what the whole image is like."""

    def __init__(self):
        super().__init__()
        self.conv = conv_bn(3, 12, activation=nn.SiLU)
        self.fc1 = nn.Linear(12, 4)
        self.fc2 = nn.Linear(4, 12)
        self.head = nn.Conv2d(12, 5, 1)

    def forward(self, x):
        x = self.conv(x)
        n, c, _, _ = x.size()
        scale = F.relu(self.fc1(F.adaptive_avg_pool2d(x, 1).view(n, c)))
        x = x * torch.sigmoid(self.fc2(scale)).view(n, c, 1, 1).expand_as(x)
        return self.head(x).flatten(2).mean(-1)


class InvertedResidual(nn.Module):
    def __init__(self, channels, stride):
        super().__init__()
        self.use_shortcut = stride == 1
        self.conv = nn.Sequential(
            conv_bn(channels, 3 * channels, 1, nn.ReLU6),
            conv_bn(3 * channels, 3 * channels, 3, nn.Hardswish, stride=stride, groups=3 * channels),
            conv_bn(3 * channels, channels, 1, None),
        )

    def forward(self, x):
        return x + self.conv(x) if self.use_shortcut else self.conv(x)


class DepthwiseSeparable(nn.Module):
    """MobileNetV2 (Sandler et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv_bn(3, 6, stride=2), InvertedResidual(6, 1), InvertedResidual(6, 2))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(6, 5))

    def forward(self, x):
        x = F.adaptive_avg_pool2d(self.features(x), (1, 1)).reshape(x.shape[0], -1)
        return self.classifier(x)


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015): down, and up by transposed convolutions, beside what was there before."""

    def __init__(self):
        super().__init__()
        self.down1, self.down2 = self.block(3, 4), self.block(4, 8)
        self.bottom = self.block(8, 8)
        self.up2, self.up1 = nn.ConvTranspose2d(8, 8, 2, 2), nn.ConvTranspose2d(8, 4, 3, 2, 1, 1)
        self.merge2, self.merge1 = self.block(16, 8), self.block(8, 4)
        self.out = nn.Conv2d(4, 2, 1)

    @staticmethod
    def block(inputs, outputs):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(outputs, affine=True),
            nn.LeakyReLU(0.2, inplace=True),
        )

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        c = self.bottom(F.max_pool2d(b, 2))
        b = self.merge2(torch.cat((b, self.up2(c)), dim=1))
        a = self.merge1(torch.cat((a, self.up1(b)), dim=1))
        return self.out(a)


class Dilated(nn.Module):
    """DeepLabV3's head (Chen et al. 2017): one image at several dilations, scaled up to the input's size."""

    def __init__(self):
        super().__init__()
        self.backbone = conv_bn(3, 8, stride=2)
        self.convs = nn.ModuleList(
            [conv_bn(8, 4, 1), *(conv_bn(8, 4, 3, dilation=d, padding=d) for d in (2, 3))]
        )
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 4, 1), nn.ReLU())
        self.project = nn.Sequential(nn.Conv2d(16, 5, 1), nn.Dropout2d(0.1))

    def forward(self, x):
        size = x.shape[-2:]
        x = self.backbone(x)
        pooled = F.interpolate(self.pool(x), size=x.shape[-2:], mode="bilinear", align_corners=False)
        x = self.project(torch.cat([*(conv(x) for conv in self.convs), pooled], 1))
        out = F.interpolate(x, size=size, mode="bilinear", align_corners=True)
        return OrderedDict(out=out, low=F.interpolate(out, scale_factor=0.5, mode="nearest"))


class ChannelsFirstNorm(nn.Module):
    """ConvNeXt's own LayerNorm, of (N, C, H, W) over C."""

    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        var = (x - mean).pow(2).mean(1, keepdim=True)
        x = (x - mean) / torch.sqrt(var + 1e-6)
        return self.weight[:, None, None] * x + self.bias[:, None, None]


class ConvNeXtBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.dwconv = nn.Conv2d(channels, channels, 7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.pwconv1 = nn.Linear(channels, 4 * channels)
        self.act = nn.GELU()
        self.pwconv2 = nn.Linear(4 * channels, channels)
        self.gamma = nn.Parameter(0.5 * torch.ones(channels))

    def forward(self, x):
        y = self.dwconv(x).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(self.act(self.pwconv1(self.norm(y))))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    """ConvNeXt (Liu et al. 2022)."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 4, 4), ChannelsFirstNorm(8))
        self.stages = nn.Sequential(ConvNeXtBlock(8))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.norm(self.stages(self.stem(x)).mean([-2, -1])))


class ShuffleUnit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.branch = nn.Sequential(
            conv_bn(half, half, 1), conv_bn(half, half, 3, None, groups=half), conv_bn(half, half, 1)
        )

    def forward(self, x):
        kept, used = x.chunk(2, dim=1)
        x = torch.cat((kept, self.branch(used)), dim=1)
        n, c, h, w = x.size()
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


class Shuffle(nn.Module):
    """ShuffleNetV2 (Ma et al. 2018)."""

    def __init__(self):
        super().__init__()
        self.conv1 = conv_bn(3, 8, stride=2)
        self.stage = nn.Sequential(*(ShuffleUnit(8) for _ in range(2)), nn.ChannelShuffle(4))
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        return self.fc(self.stage(self.conv1(x)).mean([2, 3]))


class VGG(nn.Module):
    """VGG (Simonyan & Zisserman 2014)."""

    def __init__(self):
        super().__init__()
        layers = []
        for inputs, outputs in ((3, 8), (8, 8), (8, 12)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2)]
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d((2, 2))
        self.classifier = nn.Sequential(nn.Linear(48, 16), nn.ReLU(True), nn.Dropout(), nn.Linear(16, 5))

    def forward(self, x):
        x = self.avgpool(self.features(x))
        return self.classifier(x.view(x.size(0), -1)).log_softmax(dim=1)


class Attention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, x):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=0.1 if self.training else 0.0)
        return self.proj(x.transpose(1, 2).reshape(n, t, c))


class TransformerBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attn = Attention(channels, 2)
        self.mlp = nn.Sequential(
            nn.Linear(channels, 2 * channels), nn.GELU(approximate="tanh"), nn.Linear(2 * channels, channels)
        )

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    """ViT (Dosovitskiy et al. 2020)."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 8, 8)
        self.cls_token = nn.Parameter(0.1 * torch.randn(1, 1, 8))
        self.pos_embed = nn.Parameter(0.1 * torch.randn(1, 5, 8))
        self.blocks = nn.ModuleList(TransformerBlock(8) for _ in range(2))
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


class Waves(nn.Module):
    """A gated 1D network in the style of WaveNet (van den Oord et al. 2016), with weight sharing."""

    def __init__(self):
        super().__init__()
        self.enter = nn.Conv1d(2, 8, 1)
        self.dilated = nn.ModuleList(nn.Conv1d(8, 16, 3, dilation=d, padding=d) for d in (1, 2))
        self.norm = nn.GroupNorm(2, 8)
        self.leave = nn.Conv1d(8, 8, 1)
        self.again = self.leave

    def forward(self, x):
        x = self.enter(x)
        total = torch.zeros_like(x)
        for conv in self.dilated:
            gate, value = conv(F.pad(x, (1, 1), "replicate"))[..., 1:-1].split(8, dim=1)
            total = total + self.again(torch.tanh(value) * gate.sigmoid())
            x = self.norm(x + self.leave(value))
        return F.elu(total), x.std(-1)


class InPlace(nn.Module):
    """What old code does: writes into slices, views and buffers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding="same")
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))
        self.register_buffer("scale", torch.tensor([1.0, 2.0, 0.5]), persistent=False)
        self.table = torch.linspace(-1, 1, 16)

    def forward(self, x):
        self.calls += 1
        y = self.conv(x * self.scale[:, None, None])
        y[:, :2].mul_(2).add_(1)
        rows = y.view(y.shape[0], 6, -1)
        rows[..., ::2] = rows[..., 1::2].detach() + 1
        out = torch.zeros_like(y)
        out[:, 1:4, :, :] = y[:, 3:]
        out.clamp_(-1.5, 1.5)
        out[:, 5] += self.table
        return torch.where(out > 0, out, 0.1 * out), y.mean()


IMAGE = (2, 3, 16, 16)
ARCHITECTURES = {
    "residual": (Residual, (2, 3, 32, 32)),
    "dense": (Dense, IMAGE),
    "inception": (Inception, IMAGE),
    "auxiliary": (Auxiliary, IMAGE),
    "squeeze-excite": (SqueezeExcite, IMAGE),
    "depthwise-separable": (DepthwiseSeparable, IMAGE),
    "u-net": (UNet, IMAGE),
    "dilated": (Dilated, IMAGE),
    "convnext": (ConvNeXt, IMAGE),
    "shuffle": (Shuffle, IMAGE),
    "vgg": (VGG, IMAGE),
    "vision-transformer": (VisionTransformer, IMAGE),
    "waves": (Waves, (2, 2, 20)),
    "in-place": (InPlace, IMAGE),
}


def build(name):
    """A network with parameters and running statistics like a trained one's: none is zero or one throughout."""
    torch.manual_seed(0)
    module = ARCHITECTURES[name][0]()
    for parameter in module.parameters():
        if parameter.ndim == 1:
            parameter.data += 0.2 * torch.randn(parameter.shape)
    for key, buffer in module.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            buffer += 0.3 * torch.rand(buffer.shape)
    return module
