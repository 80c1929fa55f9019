"""segmentation-models-pytorch's architectures on a ResNet-18, and MONAI's networks in two and three dimensions."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.zoo.networks import Entry, images, made

_SMP = (
    *(
        "Unet",
        "UnetPlusPlus",
        "MAnet",
        "Linknet",
        "FPN",
        "PSPNet",
        "DeepLabV3",
        "DeepLabV3Plus",
        "PAN",
        "UPerNet",
    ),
    "Segformer",
)
_SIZES = {"PAN": 128}


def entries(library: str) -> Iterator[Entry]:
    """smp's, or MONAI's."""
    if library == "smp":
        for name in _SMP:
            yield Entry(
                f"smp:{name}",
                "segmentation-models",
                made(partial(_smp, name), partial(images, _SIZES.get(name, 64))),
                2,
            )
        return
    for dims in (2, 3):
        for name, options, size in _monai(dims):
            yield Entry(
                f"monai:{name}{dims}d",
                f"MONAI, {dims}-D",
                made(partial(_made, name, options), partial(_volume, dims, size)),
                dims,
            )


def _smp(name: str) -> Any:
    import segmentation_models_pytorch as smp

    return getattr(smp, name)("resnet18", encoder_weights=None)


def _made(name: str, options: dict[str, Any]) -> Any:
    from monai.networks import nets

    return getattr(nets, name)(**options)


def _volume(dims: int, size: int) -> Any:
    import torch

    return torch.randn(2, 1, *(size,) * dims)


def _monai(dims: int) -> Iterator[tuple[str, dict[str, Any], int]]:
    """Names, arguments and sizes."""
    plain = {"spatial_dims": dims, "in_channels": 1, "out_channels": 2}
    levels = {"channels": (8, 16, 32), "strides": (2, 2)}
    yield "UNet", plain | levels | {"num_res_units": 2}, 32
    yield "AttentionUnet", plain | levels, 32
    yield "AutoEncoder", plain | levels | {"strides": (2, 2, 1)}, 32
    yield "BasicUNet", plain | {"features": (8, 8, 16, 32, 64, 8)}, 32
    yield "BasicUNetPlusPlus", plain | {"features": (8, 8, 16, 32, 64, 8)}, 32
    yield "SegResNet", plain | {"init_filters": 8}, 32
    yield "VNet", plain, 32
    yield "HighResNet", plain, 16
    kernels = {"kernel_size": (3, 3, 3), "strides": (1, 2, 2), "upsample_kernel_size": (2, 2)}
    yield "DynUNet", plain | kernels | {"filters": (8, 16, 32)}, 32
    yield "DenseNet121", plain, 64 if dims == 2 else 32
    yield "SEResNet50", {"spatial_dims": dims, "in_channels": 1, "num_classes": 2}, 64 if dims == 2 else 32
    transformer = {
        "img_size": (32,) * dims,
        "feature_size": 8,
        "hidden_size": 48,
        "mlp_dim": 96,
        "num_heads": 4,
    }
    yield "UNETR", plain | transformer, 32
    yield "SwinUNETR", plain | {"feature_size": 12}, 64
