"""The benchmarked networks are those that people run: as many parameters as torchvision's."""

import pytest

from benchmarks.architectures import NETWORKS

TORCHVISION = {
    "ResNet-18": 11_689_512,
    "ResNet-50": 25_557_032,
    "ResNeXt-50 32x4d": 25_028_904,
    "MobileNetV2": 3_504_872,
    "EfficientNet-B0": 5_288_548,
    "ConvNeXt-T": 28_589_128,
    "RegNetY-400MF": 4_344_144,
    "ShuffleNetV2": 2_278_604,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters(name):
    assert sum(p.numel() for p in NETWORKS[name]().parameters()) == TORCHVISION[name]
