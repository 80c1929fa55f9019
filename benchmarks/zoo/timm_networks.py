"""One small network of each of timm's families, with the smallest image that it takes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.zoo.networks import Entry, images

# The one with the fewest parameters among those of a module whose names say that they are small.
SMALLEST = {
    "beit": "beit_base_patch16_224",
    "byoanet": "halonet_h1",
    "byobnet": "test_byobnet",
    "cait": "cait_xxs24_224",
    "coat": "coat_tiny",
    "convit": "convit_tiny",
    "convmixer": "convmixer_768_32",
    "convnext": "test_convnext",
    "cpubone": "cpubone_nano",
    "crossvit": "crossvit_tiny_240",
    "csatv2": "csatv2",
    "cspnet": "darknet17",
    "cspnext": "cspnext_tiny",
    "davit": "davit_tiny",
    "deepseek_vit": "deepseek_vit_412m",
    "deit": "deit_tiny_patch16_224",
    "densenet": "densenet121",
    "dla": "dla46_c",
    "dpn": "dpn48b",
    "edgenext": "edgenext_xx_small",
    "efficientformer": "efficientformer_l1",
    "efficientformer_v2": "efficientformerv2_s0",
    "efficientnet": "test_efficientnet",
    "efficientvim": "efficientvim_m1",
    "efficientvit_mit": "efficientvit_b0",
    "efficientvit_msra": "efficientvit_m0",
    "eva": "vit_tiny_patch16_dinov3_qkvb",
    "fasternet": "fasternet_t0",
    "fastvit": "fastvit_t8",
    "focalnet": "focalnet_tiny_srf",
    "gcvit": "gcvit_xxtiny",
    "gemma4_vit": "gemma4_vit_167m",
    "ghostnet": "ghostnet_050",
    "hardcorenas": "hardcorenas_b",
    "hgnet": "hgnetv2_b0",
    "hiera": "hiera_tiny_224",
    "hieradet_sam2": "sam2_hiera_tiny",
    "hrnet": "hrnet_w18_small",
    "iformer": "iformer_t",
    "inception_next": "inception_next_atto",
    "inception_resnet_v2": "inception_resnet_v2",
    "inception_v3": "inception_v3",
    "inception_v4": "inception_v4",
    "lcnetv2": "lcnetv2_small",
    "levit": "levit_128s",
    "lowformer": "lowformer_b0",
    "mambaout": "test_mambaout",
    "maxxvit": "test_coatnet",
    "metaformer": "poolformerv2_s12",
    "mlp_mixer": "gmlp_ti16_224",
    "mobilenetv3": "mobilenetv3_small_050",
    "mobilenetv5": "mobilenetv5_base",
    "mobilevit": "mobilevit_xxs",
    "mvitv2": "mvitv2_tiny",
    "naflexvit": "naflexvit_base_patch16_gap",
    "nasnet": "nasnetalarge",
    "nest": "nest_tiny",
    "nextvit": "nextvit_small",
    "nfnet": "test_nfnet",
    "pit": "pit_ti_224",
    "pnasnet": "pnasnet5large",
    "pvt_v2": "pvt_v2_b0",
    "qwen3_vit": "qwen3_vit_88m",
    "rdnet": "rdnet_tiny",
    "regnet": "regnetx_002",
    "repghost": "repghostnet_050",
    "repvit": "repvit_m1",
    "res2net": "res2next50",
    "resnest": "resnest14d",
    "resnet": "test_resnet",
    "resnetv2": "resnetv2_18",
    "rexnet": "rexnet_100",
    "selecsls": "selecsls42",
    "senet": "legacy_seresnet18",
    "sequencer": "sequencer2d_s",
    "shvit": "shvit_s1",
    "sknet": "skresnet18",
    "starnet": "starnet_s050",
    "swiftformer": "swiftformer_xs",
    "swin_transformer": "swin_tiny_patch4_window7_224",
    "swin_transformer_v2": "swinv2_tiny_window8_256",
    "swin_transformer_v2_cr": "swinv2_cr_tiny_224",
    "tiny_vit": "tiny_vit_5m_224",
    "tnt": "tnt_s_legacy_patch16_224",
    "tresnet": "tresnet_m",
    "twins": "twins_svt_small",
    "vgg": "vgg11",
    "visformer": "visformer_tiny",
    "vision_transformer": "test_vit",
    "vision_transformer_hybrid": "vit_tiny_r_s16_p8_224",
    "vision_transformer_relpos": "test_vit_relpos",
    "vision_transformer_sam": "samvit_base_patch16_224",
    "vitamin": "vitamin_small_224",
    "volo": "volo_d1_224",
    "vovnet": "ese_vovnet19b_dw",
    "xception": "legacy_xception",
    "xception_aligned": "xception41p",
    "xcit": "xcit_nano_12_p8_224",
}
# Of more than 20 million parameters.
_LARGE = {
    "beit",
    "convmixer",
    "davit",
    "deepseek_vit",
    "focalnet",
    "gemma4_vit",
    "hiera",
    "hieradet_sam2",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "mobilenetv5",
    "mvitv2",
    "naflexvit",
    "nasnet",
    "nextvit",
    "pnasnet",
    "qwen3_vit",
    "rdnet",
    "res2net",
    "selecsls",
    "sequencer",
    "swin_transformer",
    "swin_transformer_v2",
    "swin_transformer_v2_cr",
    "tnt",
    "tresnet",
    "twins",
    "vgg",
    "vision_transformer_sam",
    "vitamin",
    "volo",
    "xception",
    "xception_aligned",
}
_SIZES = (64, 96, 128, 160, 192, 224, 256)


def entries(library: str) -> Iterator[Entry]:
    """One for each module of timm.models."""
    for family, name in SMALLEST.items():
        yield Entry(f"timm:{name}", "timm", partial(_smallest, name), 6 if family in _LARGE else 2)


def _smallest(name: str) -> tuple[Any, tuple[Any, ...]]:
    """The network for the smallest size at which torch runs it, and two images of that size."""
    import timm
    import torch

    free: Any = None
    own = timm.get_pretrained_cfg(name).input_size
    for size in (*(s for s in _SIZES if s < own[-1]), own[-1]):
        try:
            network: Any = timm.create_model(name, img_size=size)
        except TypeError:  # it takes any size
            network = free = timm.create_model(name) if free is None else free
        except Exception:
            continue
        try:
            with torch.no_grad():
                network.eval()(images(size, 1, own[0]))
                return network, (images(size, 2, own[0]),)
        except Exception:
            continue
    raise ValueError(f"timm's {name} runs at none of the sizes {_SIZES}, nor at its own {own}")
