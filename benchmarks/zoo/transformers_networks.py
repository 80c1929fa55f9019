"""Hugging Face's networks of images, sound and text, with small configurations."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import nn

from benchmarks.zoo.networks import Entry, images, made

_BLOCKS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
_IMAGES = {"image_size": 32, "patch_size": 8}
_STAGES = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1]}
_SPEECH = _BLOCKS | {
    "conv_dim": (16, 16, 16),
    "conv_stride": (5, 2, 2),
    "conv_kernel": (10, 3, 2),
    "num_feat_extract_layers": 3,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "mask_time_prob": 0.0,
    "layerdrop": 0.0,
}

_VISION: dict[str, dict[str, Any]] = {
    "ViT": _BLOCKS | _IMAGES,
    "DeiT": _BLOCKS | _IMAGES,
    "Dinov2": _BLOCKS | _IMAGES,
    "Beit": _BLOCKS | _IMAGES,
    "Swin": {
        "image_size": 32,
        "patch_size": 4,
        "embed_dim": 16,
        "depths": [1, 1],
        "num_heads": [2, 4],
        "window_size": 4,
    },
    "Segformer": {
        "num_encoder_blocks": 2,
        "depths": [1, 1],
        "sr_ratios": [2, 1],
        "hidden_sizes": [16, 32],
        "patch_sizes": [7, 3],
        "strides": [4, 2],
        "num_attention_heads": [1, 2],
        "mlp_ratios": [2, 2],
    },
    "ConvNext": {"num_stages": 2, "hidden_sizes": [16, 32], "depths": [1, 1]},
    "ConvNextV2": {"num_stages": 2, "hidden_sizes": [16, 32], "depths": [1, 1]},
    "ResNet": _STAGES,
    "RegNet": _STAGES | {"groups_width": 8},
    "MobileNetV1": {"depth_multiplier": 0.25},
    "MobileNetV2": {"depth_multiplier": 0.25},
}
_AUDIO: dict[str, dict[str, Any]] = {
    "Wav2Vec2": _SPEECH,
    "Hubert": _SPEECH,
    "WavLM": _SPEECH,
    "UniSpeech": _SPEECH,
    "UniSpeechSat": _SPEECH,
    "Data2VecAudio": _SPEECH | {"num_conv_pos_embeddings": 2},
    "SEW": _SPEECH | {"squeeze_factor": 2},
    "Wav2Vec2Conformer": _SPEECH,
    "AST": _BLOCKS
    | {"max_length": 32, "num_mel_bins": 16, "patch_size": 8, "frequency_stride": 4, "time_stride": 4},
    "Encodec": {"num_filters": 4, "hidden_size": 16, "codebook_dim": 16, "upsampling_ratios": [4, 2]},
    "Whisper": {
        "d_model": 32,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "num_mel_bins": 16,
        "max_source_positions": 32,
        "decoder_layers": 1,
        "decoder_attention_heads": 4,
        "vocab_size": 64,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 1,
    },
}
_TOKENS = {"vocab_size": 64, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
_DECODER = _TOKENS | _BLOCKS | {"max_position_embeddings": 32, "use_cache": False}
_TEXT: dict[str, dict[str, Any]] = {
    "GPT2": _TOKENS | {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 32, "use_cache": False},
    "Llama": _DECODER | {"num_key_value_heads": 2},
    "Qwen2": _DECODER | {"num_key_value_heads": 2},
    "Gemma": _DECODER | {"num_key_value_heads": 1, "head_dim": 8},
    "Bert": _TOKENS | _BLOCKS,
    "DistilBert": _TOKENS | {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
}
"""Of words and a mask that hides the end of one sequence."""


def entries(library: str) -> Iterator[Entry]:
    """Of images, of sound and of text."""
    for name, options in _VISION.items():
        size = 32 if "image_size" in options else 64
        yield Entry(
            f"transformers:{name}",
            "Hugging Face, vision",
            made(partial(_model, name, options), partial(images, size)),
        )
    for name, options in _AUDIO.items():
        yield Entry(
            f"transformers:{name}",
            "Hugging Face, audio",
            made(partial(_model, name, options), partial(_sound, name)),
        )

    for name, options in _TEXT.items():
        yield Entry(
            f"transformers:{name}",
            "Hugging Face, text",
            made(partial(_model, name, options), _words, _mask),
        )


class _Masked(nn.Module):
    """GPT-2, whose second argument is not the mask."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, words: Any, mask: Any) -> Any:
        return self.network(words, attention_mask=mask)


def _words() -> Any:
    import torch

    return torch.randint(3, 64, (2, 12))


def _mask() -> Any:
    import torch

    mask = torch.ones(2, 12, dtype=torch.int64)
    mask[1, 8:] = 0
    return mask


def _model(name: str, options: dict[str, Any]) -> Any:
    import transformers

    model = getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**options))
    if "conv_dim" in options:
        # In training mode the extractor sets requires_grad of its input, which torch refuses if that takes a gradient.
        model.feature_extractor._requires_grad = False
    if name == "GPT2":
        return _Masked(model)
    return model.encoder if name in ("Whisper", "Encodec") else model


def _sound(name: str) -> Any:
    import torch

    if name == "Whisper":
        return torch.randn(2, 16, 64)
    if name == "AST":
        return torch.randn(2, 32, 16)
    return torch.randn(2, 1, 512) if name == "Encodec" else torch.randn(2, 2000)
