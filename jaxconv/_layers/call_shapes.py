"""The shapes that each layer's call takes and returns: what `help(jaxconv.Conv2d.__call__)` shows.

`*` stands for any dimensions, {size} for the spatial ones of a layer for 1d, 2d or 3d, {out} for those of its result,
and a name of an argument for its value.
"""

_SAME = "(*) -> (*)"
_SPATIAL = "(N, C, {size}) -> (N, C, {out}), or both without N"
_CONV = "(N, in_channels, {size}) -> (N, out_channels, {out}), or both without N"
_INDICES = f"{_SPATIAL}; with `return_indices` a pair of such results, the values and the indices"
_CHANNELS = "(N, C, *) -> (N, C, *)"
_REDUCED = "-> (), or {} with reduction='none'"
_PAIR = f"input (*), target (*) {_REDUCED.format('(*)')}"
_CLASSES = f"input (N, C), target (N, C) {_REDUCED.format('(N,)')}, or all without N"
_TRIPLE = f"anchor (N, D), positive (N, D), negative (N, D) {_REDUCED.format('(N,)')}, or all without N"
_STATES = (
    "input (T, N, input_size), {h} -> (output (T, N, D * size), {n}) with states of (D * num_layers, N, size); D is 2 "
    "if `bidirectional`, else 1; (N, T, ...) for input and output with `batch_first`, or all without N"
)

SHAPES = {
    **dict.fromkeys(
        (
            "CELU", "ELU", "GELU", "SELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU",
            "LogSigmoid", "Mish", "RReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign",
            "Tanh", "Tanhshrink", "Threshold", "LogSoftmax", "Softmax", "Softmin", "Identity", "Dropout",
            "AlphaDropout",
        ),
        _SAME,
    ),
    **dict.fromkeys(("Conv", "ConvTranspose"), _CONV),
    **dict.fromkeys(
        (
            "AvgPool", "LPPool", "AdaptiveAvgPool", "CircularPad", "ConstantPad", "ReflectionPad", "ReplicationPad",
            "ZeroPad",
        ),
        _SPATIAL,
    ),
    **dict.fromkeys(("MaxPool", "AdaptiveMaxPool"), _INDICES),
    "MaxUnpool": "input (N, C, {size}), indices (N, C, {size}) -> (N, C, {out}), or all without N",
    **dict.fromkeys(("Dropout1d", "Dropout2d", "Dropout3d"), "(N, C, {size}) -> (N, C, {size}), or both without N"),
    **dict.fromkeys(("ChannelShuffle", "FeatureAlphaDropout", "LocalResponseNorm"), _CHANNELS),
    "PReLU": "(*) -> (*), the channels in dimension 1",
    "GLU": "(*, D, *) -> (*, D / 2, *)",
    "Softmax2d": "(N, C, H, W) -> (N, C, H, W), or both without N",
    "BatchNorm": "(N, num_features, {size}) -> (N, num_features, {size})",
    "BatchNorm1d": "(N, num_features, L) -> (N, num_features, L), or both without L",
    "InstanceNorm": "(N, num_features, {size}) -> (N, num_features, {size}), or both without N",
    "GroupNorm": "(N, num_channels, *) -> (N, num_channels, *)",
    **dict.fromkeys(("LayerNorm", "RMSNorm"), "(*, *normalized_shape) -> (*, *normalized_shape)"),
    "Linear": "(*, in_features) -> (*, out_features)",
    "Bilinear": "input1 (*, in1_features), input2 (*, in2_features) -> (*, out_features)",
    "Embedding": "(*) -> (*, embedding_dim)",
    "EmbeddingBag": "input (B, T) -> (B, embedding_dim), or input (T,) with offsets (B,) -> (B, embedding_dim)",
    "Flatten": "(*, D1, ..., Dk, *) -> (*, D1 * ... * Dk, *)",
    "Unflatten": "(*, D, *) -> (*, *unflattened_size, *)",
    "Fold": "(N, C * prod(kernel_size), L) -> (N, C, *output_size), or both without N",
    "Unfold": "(N, C, *) -> (N, C * prod(kernel_size), L), or both without N",
    "PixelShuffle": "(*, C * upscale_factor^2, H, W) -> (*, C, H * upscale_factor, W * upscale_factor)",
    "PixelUnshuffle": "(*, C, H * downscale_factor, W * downscale_factor) -> (*, C * downscale_factor^2, H, W)",
    "Upsample": "(N, C, *) -> (N, C, *) with 1 to 3 spatial dimensions",
    **dict.fromkeys(("UpsamplingBilinear2d", "UpsamplingNearest2d"), "(N, C, H, W) -> (N, C, H_out, W_out)"),
    "LSTM": _STATES.format(h="hx (h_0, c_0)", n="(h_n, c_n)"),
    **dict.fromkeys(("GRU", "RNN"), _STATES.format(h="hx h_0", n="h_n")),
    "LSTMCell": "input (N, input_size), hx (h, c) of (N, hidden_size) -> the next (h, c), or all without N",
    **dict.fromkeys(
        ("GRUCell", "RNNCell"), "input (N, input_size), hx (N, hidden_size) -> (N, hidden_size), or all without N"
    ),
    **dict.fromkeys(
        (
            "BCELoss", "BCEWithLogitsLoss", "HuberLoss", "KLDivLoss", "L1Loss", "MSELoss", "PoissonNLLLoss",
            "SmoothL1Loss", "SoftMarginLoss", "HingeEmbeddingLoss",
        ),
        _PAIR,
    ),
    "GaussianNLLLoss": f"input (*), target (*), var (*) or one number a row {_REDUCED.format('(*)')}",
    "MarginRankingLoss": f"input1 (*), input2 (*), target (*) {_REDUCED.format('(*)')}",
    "NLLLoss": f"input (N, C, *), target (N, *) {_REDUCED.format('(N, *)')}, or all without N",
    "CrossEntropyLoss": f"input (N, C, *), target (N, *) of classes or (N, C, *) of probabilities "
    f"{_REDUCED.format('(N, *)')}, or all without N",
    "CosineEmbeddingLoss": f"input1 (N, D), input2 (N, D), target (N,) {_REDUCED.format('(N,)')}, or all without N",
    **dict.fromkeys(("TripletMarginLoss", "TripletMarginWithDistanceLoss"), _TRIPLE),
    "MultiMarginLoss": f"input (N, C), target (N,) {_REDUCED.format('(N,)')}, or all without N",
    **dict.fromkeys(("MultiLabelMarginLoss", "MultiLabelSoftMarginLoss"), _CLASSES),
}  # fmt: skip


def shapes_of(name: str) -> str:
    """Returns the shapes of the call of the layer of this name; empty for a class that is none of torch's."""
    name = name.removeprefix("Lazy")
    text = SHAPES.get(name) or SHAPES.get(name[:-2], "")
    text += ". * stands for any dimensions" if "(*" in text or ", *" in text else ""
    if not name.endswith(("1d", "2d", "3d")):
        return text
    size = ("L",) if name.endswith("1d") else tuple("DHW"[-int(name[-2]) :])
    return text.replace("{size}", ", ".join(size)).replace("{out}", ", ".join(f"{d}_out" for d in size))
