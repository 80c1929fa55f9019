"""Every other layer: in both fronts, with its arguments at work, in training where that differs, and other dtypes."""

from collections.abc import Iterator
from typing import Any

from parity.suite.case import Api, Case, Direction, case

Row = tuple[str, tuple[int, ...], dict[str, Any]]

_SIZES = {1: (9,), 2: (9, 8), 3: (6, 5, 4)}


def _image(ndim: int, channels: int = 4, batch: int = 2) -> tuple[int, ...]:
    return (batch, channels, *_SIZES[ndim])


def _per_dimension() -> Iterator[Row]:
    for n in (1, 2, 3):
        x = _image(n)
        if n != 2:  # conv2d and max_pool2d have tables of their own
            yield (
                f"Conv{n}d",
                x,
                dict(in_channels=4, out_channels=6, kernel_size=3, stride=2, padding=1, groups=2),
            )
            yield (
                f"Conv{n}d",
                x,
                dict(in_channels=4, out_channels=4, kernel_size=2, padding="same", bias=False),
            )
            yield f"MaxPool{n}d", x, dict(kernel_size=3, stride=2, padding=1, ceil_mode=True)
        turn = dict(in_channels=4, out_channels=6, kernel_size=3)
        yield f"ConvTranspose{n}d", x, turn
        yield (
            f"ConvTranspose{n}d",
            x,
            turn | dict(stride=2, padding=1, output_padding=1, groups=2, bias=False),
        )
        yield f"ConvTranspose{n}d", x, turn | dict(stride=2, dilation=2)
        yield f"AvgPool{n}d", x, dict(kernel_size=3, stride=2, padding=1, ceil_mode=True)
        yield f"AvgPool{n}d", x, dict(kernel_size=2, padding=1, count_include_pad=False)
        yield f"LPPool{n}d", x, dict(norm_type=2, kernel_size=2)
        yield f"AdaptiveAvgPool{n}d", x, dict(output_size=1)
        yield f"AdaptiveAvgPool{n}d", x, dict(output_size=3)
        yield f"AdaptiveMaxPool{n}d", x, dict(output_size=3)
        yield f"BatchNorm{n}d", x, dict(num_features=4)
        yield f"BatchNorm{n}d", x, dict(num_features=4, eps=1e-3, momentum=None, affine=False)
        yield f"InstanceNorm{n}d", x, dict(num_features=4)
        yield f"InstanceNorm{n}d", x, dict(num_features=4, affine=True, track_running_stats=True)
        yield f"Dropout{n}d", x, dict(p=0.3)
        for kind in ("Zero", "Reflection", "Replication", "Circular"):
            yield f"{kind}Pad{n}d", x, dict(padding=tuple(range(1, 2 * n + 1))[::-1] if n < 3 else 2)
        yield f"ConstantPad{n}d", x, dict(padding=2, value=1.5)


_FEATURES = (3, 5, 6)
_WORDS = (3, 5)


def _recurrent() -> Iterator[Row]:
    sizes = dict(input_size=6, hidden_size=4)
    for name in ("LSTM", "GRU", "RNN"):
        yield name, _FEATURES, sizes
        yield name, _FEATURES, sizes | dict(num_layers=2, bidirectional=True, batch_first=True)
        yield name, _FEATURES[1:], sizes | dict(bias=False)
        yield f"{name}Cell", _FEATURES[1:], sizes
        yield f"{name}Cell", _FEATURES[2:], sizes | dict(bias=False)
    yield "LSTM", _FEATURES, sizes | dict(num_layers=2, bidirectional=True, proj_size=2)
    yield "RNN", _FEATURES, sizes | dict(nonlinearity="relu")
    yield "RNNCell", _FEATURES[1:], sizes | dict(nonlinearity="relu")


ROWS: list[Row] = [
    *_per_dimension(),
    ("AvgPool2d", _image(2), dict(kernel_size=2, divisor_override=3)),
    ("Linear", _FEATURES, dict(in_features=6, out_features=4)),
    ("Linear", _FEATURES, dict(in_features=6, out_features=4, bias=False)),
    *_recurrent(),
    ("Embedding", _WORDS, dict(num_embeddings=7, embedding_dim=4)),
    ("Embedding", _WORDS, dict(num_embeddings=5, embedding_dim=4, padding_idx=-2, scale_grad_by_freq=True)),
    *(("EmbeddingBag", _WORDS, dict(num_embeddings=7, embedding_dim=4, mode=mode, padding_idx=1))
      for mode in ("sum", "mean", "max")),
    ("GroupNorm", _image(2), dict(num_groups=2, num_channels=4)),
    ("GroupNorm", _image(1), dict(num_groups=4, num_channels=4, eps=1e-3, affine=False)),
    ("LayerNorm", _FEATURES, dict(normalized_shape=6)),
    ("LayerNorm", _FEATURES, dict(normalized_shape=(5, 6), eps=1e-3, bias=False)),
    ("RMSNorm", _FEATURES, dict(normalized_shape=6)),
    ("LocalResponseNorm", _image(2), dict(size=3, alpha=0.1, beta=0.5, k=2.0)),
    ("Dropout", _FEATURES, dict(p=0.3)),
    ("AlphaDropout", _FEATURES, dict(p=0.3)),
    ("FeatureAlphaDropout", _image(2), dict(p=0.3)),
    ("Flatten", _image(2), {}),
    ("Unflatten", _FEATURES, dict(dim=2, unflattened_size=(2, 3))),
    ("Identity", _FEATURES, {}),
    ("PReLU", _image(2), {}),
    ("PReLU", _image(2), dict(num_parameters=4)),
    ("LeakyReLU", _FEATURES, dict(negative_slope=0.2)),
    ("RReLU", _FEATURES, dict(lower=0.1, upper=0.5)),
    ("ELU", _FEATURES, dict(alpha=0.5)),
    ("CELU", _FEATURES, dict(alpha=0.5)),
    ("GELU", _FEATURES, {}),
    ("GELU", _FEATURES, dict(approximate="tanh")),
    ("GLU", _FEATURES, dict(dim=-1)),
    ("Hardshrink", _FEATURES, dict(lambd=0.3)),
    ("Softshrink", _FEATURES, dict(lambd=0.3)),
    ("Hardtanh", _FEATURES, dict(min_val=-0.5, max_val=2.0)),
    ("Softplus", _FEATURES, dict(beta=2.0, threshold=1.0)),
    ("Threshold", _FEATURES, dict(threshold=0.1, value=-2.0)),
    *((name, _FEATURES, {}) for name in (
        "ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardswish", "Hardsigmoid", "Tanhshrink", "Softsign", "Sigmoid",
        "LogSigmoid", "Tanh",
    )),
    *((name, _image(2), dict(dim=1)) for name in ("Softmax", "Softmin", "LogSoftmax")),
    ("Softmax2d", _image(2), {}),
    ("Unfold", _image(2), dict(kernel_size=(2, 3), dilation=(1, 2), padding=1, stride=(2, 1))),
    ("Fold", (2, 18, 16), dict(output_size=(6, 5), kernel_size=(3, 2))),
    ("PixelShuffle", _image(2), dict(upscale_factor=2)),
    ("PixelUnshuffle", (2, 3, 6, 4), dict(downscale_factor=2)),
    ("ChannelShuffle", _image(2), dict(groups=2)),
    ("Upsample", _image(1), dict(scale_factor=2, mode="linear")),
    ("Upsample", _image(2), dict(size=(13, 5), mode="nearest")),
    ("Upsample", _image(2), dict(scale_factor=1.7, mode="nearest-exact")),
    ("Upsample", _image(2), dict(scale_factor=2, mode="bilinear")),
    ("Upsample", _image(2), dict(scale_factor=2, mode="bilinear", align_corners=True)),
    ("Upsample", _image(2), dict(size=(13, 5), mode="bicubic")),
    ("Upsample", _image(3), dict(scale_factor=2, mode="trilinear")),
    ("UpsamplingNearest2d", _image(2), dict(scale_factor=2)),
    ("UpsamplingBilinear2d", _image(2), dict(scale_factor=2)),
]  # fmt: skip

WEIGHTS = (
    *("Conv", "BatchNorm", "Linear", "GroupNorm", "LayerNorm", "RMSNorm", "PReLU", "InstanceNorm"),
    *("LSTM", "GRU", "RNN", "Embedding"),
)
OTHER_DTYPES = (
    "Conv1d",
    "ConvTranspose2d",
    "BatchNorm2d",
    "LayerNorm",
    "Linear",
    "AvgPool2d",
    "GELU",
    "Softmax",
    "Mish",
    "LSTM",
    "GRU",
    "RNN",
    "LSTMCell",
    "Embedding",
    "EmbeddingBag",
)
REFUSED: list[Row] = [
    ("ConvTranspose2d", _image(2), dict(in_channels=4, out_channels=6, kernel_size=3, output_padding=1)),
    ("ConvTranspose2d", _image(2), dict(in_channels=4, out_channels=6, kernel_size=3, groups=4)),
    ("Conv1d", _image(1), dict(in_channels=4, out_channels=6, kernel_size=3, groups=3)),
    ("AvgPool2d", _image(2), dict(kernel_size=2, padding=2)),
    ("AvgPool2d", _image(2), dict(kernel_size=2, divisor_override=0)),
    ("BatchNorm2d", _image(2), dict(num_features=3)),
    ("BatchNorm2d", _FEATURES, dict(num_features=5)),
    ("GroupNorm", _image(2), dict(num_groups=3, num_channels=4)),
    ("LayerNorm", _FEATURES, dict(normalized_shape=5)),
    ("Linear", _FEATURES, dict(in_features=5, out_features=4)),
    ("LSTM", _FEATURES, dict(input_size=5, hidden_size=4)),
    ("LSTM", _FEATURES, dict(input_size=6, hidden_size=4, proj_size=4)),
    ("GRU", _FEATURES, dict(input_size=6, hidden_size=4, num_layers=0)),
    ("GRU", (0, 3, 6), dict(input_size=6, hidden_size=4)),
    ("RNN", _FEATURES, dict(input_size=6, hidden_size=4, nonlinearity="sigmoid")),
    ("RNN", _FEATURES, dict(input_size=6, hidden_size=4, num_layers=2, dropout=1.5)),
    ("LSTMCell", _FEATURES, dict(input_size=6, hidden_size=4)),
    ("GRUCell", _FEATURES[1:], dict(input_size=5, hidden_size=4)),
    ("Embedding", _WORDS, dict(num_embeddings=5, embedding_dim=4, padding_idx=5)),
    ("EmbeddingBag", _WORDS, dict(num_embeddings=5, embedding_dim=4, mode="product")),
    ("PixelShuffle", _image(2), dict(upscale_factor=3)),
    ("ReflectionPad2d", _image(2), dict(padding=9)),
    ("GLU", _FEATURES, dict(dim=1)),
    ("Upsample", _image(2), dict(scale_factor=2, mode="trilinear")),
    ("AdaptiveAvgPool2d", _image(2), dict(output_size=(1, 2, 3))),
]

FRONTS: tuple[Api, ...] = ("nnx", "linen")


def _draw(name: str) -> dict[str, str]:
    return {"draw": "indices"} if name.startswith("Embedding") else {}


def _cases() -> Iterator[Case]:
    for name, shape, args in ROWS:
        directions: tuple[Direction | None, ...] = (
            ("to_flax", "to_torch") if name.startswith(WEIGHTS) else (None,)
        )
        for i, api in enumerate(FRONTS):
            yield case(name, "layer", api, directions[i % len(directions)], args, shape, **_draw(name))
    for name, shape, args in ROWS:
        if name.startswith(("BatchNorm", "InstanceNorm")):
            for api in FRONTS:
                yield case(name, "training", api, "to_flax", args, shape)
    seen = set()
    for name, shape, args in ROWS:
        if name in OTHER_DTYPES and name not in seen:
            seen.add(name)
            for dtype in ("float64", "bfloat16"):
                direction: Direction | None = "to_flax" if name.startswith(WEIGHTS) else None
                yield case(name, dtype, "nnx", direction, args, shape, dtype, **_draw(name))
    for name, shape, args in REFUSED:
        for api in FRONTS:
            yield case(name, "refused", api, None, args, shape, refused=True, **_draw(name))


CASES: tuple[Case, ...] = tuple(_cases())
