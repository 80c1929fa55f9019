"""Every constructor of torchvision.models, with 64 pixels where the network takes them."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import nn

from benchmarks.zoo.networks import Entry, images, made

_VIT = {"image_size": 64}
_MVIT = {"spatial_size": (64, 64), "temporal_size": 8}
_OPTIONS: dict[str, dict[str, Any]] = {
    "vit_b_16": _VIT,
    "vit_b_32": _VIT,
    "vit_l_16": _VIT,
    "vit_l_32": _VIT,
    "vit_h_14": {"image_size": 56},
    "mvit_v1_b": _MVIT,
    "mvit_v2_s": _MVIT,
}
"""What makes a network for small inputs, of those that fix the size when they are made."""

_SIZES = {"maxvit_t": 224, "inception_v3": 299, "quantized_inception_v3": 299, "vit_h_14": 56, "s3d": 224}
_FRAMES = {"s3d": 14}
_HUGE = (
    "128gf",
    "vit_h_14",
    "vit_l",
    "regnet_y_32gf",
    "regnet_x_32gf",
    "convnext_large",
    "efficientnet_v2_l",
)
_LARGE = (
    "152",
    "101",
    "201",
    "161",
    "169",
    "_b7",
    "_b6",
    "_b5",
    "_b4",
    "_v2_m",
    "_b_",
    "swin",
    "s3d",
    "maxvit",
)


def entries(library: str) -> Iterator[Entry]:
    """One for each name that torchvision lists."""
    from torchvision import models

    for group in ("classification", "quantization", "segmentation", "video", "optical_flow", "detection"):
        module = models if group == "classification" else getattr(models, group)
        for name in models.list_models(module=module):
            yield Entry(
                f"torchvision:{name}",
                f"torchvision, {group.replace('_', ' ')}",
                _make(name, group),
                _cost(name),
            )


def _cost(name: str) -> int:
    return 9 if any(n in name for n in _HUGE) else 4 if any(n in name for n in _LARGE) else 2


def _make(name: str, group: str) -> Any:
    size = _SIZES.get(name, 64)
    if group == "video":
        return made(partial(_network, name), partial(_video, _FRAMES.get(name, 8), size))
    if group == "optical_flow":
        return made(partial(_flow, name), partial(images, 128), partial(images, 128))
    if group == "detection":
        return made(partial(_detector, name), partial(images, 128))
    return made(partial(_network, name), partial(images, size))


def _network(name: str) -> Any:
    from torchvision import models

    options: dict[str, Any] = _OPTIONS.get(name, {})
    if models.get_model_builder(name).__module__.startswith("torchvision.models.segmentation"):
        options = {"weights_backbone": None}
    return models.get_model(name, weights=None, **options)


def _video(frames: int, size: int) -> Any:
    import torch

    return torch.randn(2, 3, frames, size, size)


class _Flow(nn.Module):
    """RAFT with two of its twelve updates, which are all the same."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, first: Any, second: Any) -> Any:
        return self.network(first, second, num_flow_updates=2)


def _flow(name: str) -> nn.Module:
    return _Flow(_network(name))


class _Heads(nn.Module):
    """A detector up to what its heads say of images that have been scaled and normalised."""

    def __init__(self, detector: Any):
        super().__init__()
        self.backbone = detector.backbone
        self.head = detector.head if hasattr(detector, "head") else detector.rpn.head

    def forward(self, x: Any) -> Any:
        features = self.backbone(x)
        return self.head([features] if not isinstance(features, dict) else list(features.values()))


def _detector(name: str) -> nn.Module:
    from torchvision import models

    return _Heads(models.get_model(name, weights=None, weights_backbone=None))
