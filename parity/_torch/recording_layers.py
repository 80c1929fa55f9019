"""The layers of torch.nn that a recording describes by their attributes: a closed table, and the checks of both ends.

A layer of another class is recorded by what it gives instead (`recording`), so that no name in a file ever
chooses a class, a function or an attribute that this table does not list.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from parity._torch.recording_check import TORCH_DTYPES

_BIG = 2**63


@dataclass(frozen=True)
class Kind:
    """What an attribute may be: a description for messages, and the test."""

    description: str
    fits: Callable[[Any], bool]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_BIG <= value < _BIG


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_int(value)


def _are(test: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) <= 16 and all(map(test, value))


def _is_size(value: Any) -> bool:
    return _is_int(value) or _are(_is_int, value)


def _optional(kind: Kind) -> Kind:
    return Kind(f"{kind.description} or None", lambda value: value is None or kind.fits(value))


def _one_of(*words: str) -> Kind:
    return Kind(" or ".join(map(repr, words)), lambda value: isinstance(value, str) and value in words)


FLAG = Kind("a bool", lambda value: isinstance(value, bool))
INT = Kind("an int", _is_int)
NUMBER = Kind("a number", _is_number)
SIZE = Kind("an int or a sequence of ints", _is_size)


def _ints(count: int) -> Kind:
    return Kind(f"{count} ints", lambda value: _are(_is_int, value) and len(value) == count)


def _sized(count: int) -> Kind:
    exact = _ints(count)
    return Kind(f"an int or {count} ints", lambda value: _is_int(value) or exact.fits(value))


_ADAPTIVE = Kind(
    "an int, None or a sequence of them",
    lambda value: value is None or _is_int(value) or _are(lambda n: n is None or _is_int(n), value),
)
_SCALE = Kind("a number or a sequence of numbers", lambda value: _is_number(value) or _are(_is_number, value))
_TEXT = Kind("a name", lambda value: isinstance(value, str) and value.isidentifier())

_COMMON = {
    "inplace": FLAG,
    "ceil_mode": FLAG,
    "return_indices": FLAG,
    "affine": FLAG,
    "elementwise_affine": FLAG,
    "track_running_stats": FLAG,
    "kernel_size": SIZE,
    "stride": _optional(SIZE),
    "padding": SIZE,
    "dilation": SIZE,
    "groups": INT,
    "p": NUMBER,
    "eps": NUMBER,
    "dim": INT,
    "value": NUMBER,
    "alpha": NUMBER,
    "min_val": NUMBER,
    "max_val": NUMBER,
    "num_features": INT,
    "momentum": _optional(NUMBER),
    "size": INT,
    "k": NUMBER,
    "beta": NUMBER,
}
"""What these names mean in every layer that has them, unless the table says otherwise."""


@dataclass(frozen=True)
class Layer:
    """One class of torch.nn: its attributes, and the names of its tensors, each of which may be None."""

    kind: type[torch.nn.Module]
    attributes: Mapping[str, Kind]
    parameters: frozenset[str]
    buffers: frozenset[str]


LAYERS: dict[str, Layer] = {}
"""By the class's name."""


def _add(classes: str, names: str = "", tensors: str = "", buffers: str = "", **others: Kind) -> None:
    attributes = {name: _COMMON[name] for name in names.split()} | others
    for name in classes.split():
        if hasattr(torch.nn, name):
            own = {a: _for_dimensions(name, a, kind) for a, kind in attributes.items()}
            held = frozenset(tensors.split()), frozenset(buffers.split())
            LAYERS[name] = Layer(getattr(torch.nn, name), own, *held)


def _for_dimensions(layer: str, attribute: str, kind: Kind) -> Kind:
    """A size as a layer of so many dimensions has it. Of convolutions and padding, torch makes tuples of all sizes."""
    if not (layer[-1] == "d" and layer[-2].isdigit()):
        return kind
    n = int(layer[-2])
    if layer.startswith("Conv"):
        repeated = attribute == "_reversed_padding_repeated_twice"
        sized = _ints(2 * n if repeated else n)
        if attribute == "padding":
            words = _one_of("same", "valid")
            return Kind(f"{sized.description}, {words.description}", lambda v: sized.fits(v) or words.fits(v))
        return sized if kind is SIZE or attribute in ("kernel_size", "stride", "dilation") else kind
    if attribute == "padding" and "Pad" in layer:
        return _ints(2 * n)
    if kind is SIZE:
        return _sized(n)
    return _optional(_sized(n)) if attribute == "stride" else kind


_add(
    "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "kernel_size stride dilation groups",
    "weight bias",
    in_channels=INT,
    out_channels=INT,
    padding=SIZE,
    transposed=FLAG,
    output_padding=SIZE,
    padding_mode=_one_of("zeros", "reflect", "replicate", "circular"),
    _reversed_padding_repeated_twice=SIZE,
)
_add("MaxPool1d MaxPool2d MaxPool3d", "kernel_size stride padding dilation return_indices ceil_mode")
_add("AvgPool1d", "kernel_size stride padding ceil_mode", count_include_pad=FLAG)
_add(
    "AvgPool2d AvgPool3d",
    "kernel_size stride padding ceil_mode",
    count_include_pad=FLAG,
    divisor_override=_optional(INT),
)
_add("LPPool1d LPPool2d LPPool3d", "kernel_size stride ceil_mode", norm_type=NUMBER)
_add("MaxUnpool1d MaxUnpool2d MaxUnpool3d", "kernel_size stride padding")
_add("AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d", output_size=_ADAPTIVE)
_add("AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d", "return_indices", output_size=_ADAPTIVE)
_add(
    "BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "num_features eps momentum affine track_running_stats",
    "weight bias",
    "running_mean running_var num_batches_tracked",
)
_add("GroupNorm", "eps affine", "weight bias", num_groups=INT, num_channels=INT)
_add("LayerNorm", "eps elementwise_affine", "weight bias", normalized_shape=SIZE)
_add("RMSNorm", "elementwise_affine", "weight", eps=_optional(NUMBER), normalized_shape=SIZE)
_add("LocalResponseNorm CrossMapLRN2d", "size alpha beta k")
_add("Linear", "", "weight bias", in_features=INT, out_features=INT)
_add("Bilinear", "", "weight bias", in1_features=INT, in2_features=INT, out_features=INT)
_add("Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout", "p inplace")
_add("Hardsigmoid Hardswish Mish ReLU SELU SiLU", "inplace")
_add("Identity LogSigmoid Sigmoid Softmax2d Softsign Tanh Tanhshrink")
_add("CELU ELU", "alpha inplace")
_add("GELU", approximate=_one_of("none", "tanh"))
_add("GLU", "dim")
_add("Hardshrink Softshrink", lambd=NUMBER)
_add("Hardtanh ReLU6", "min_val max_val inplace")
_add("LeakyReLU", "inplace", negative_slope=NUMBER)
_add("PReLU", "", "weight", num_parameters=INT, init=NUMBER)
_add("RReLU", "inplace", lower=NUMBER, upper=NUMBER)
_add("LogSoftmax Softmax Softmin", dim=_optional(INT))
_add("Softplus", "beta", threshold=NUMBER)
_add("Threshold", "value inplace", threshold=NUMBER)
_add("CircularPad1d CircularPad2d CircularPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d", "padding")
_add("ReplicationPad1d ReplicationPad2d ReplicationPad3d", "padding")
_add("ConstantPad1d ConstantPad2d ConstantPad3d ZeroPad1d ZeroPad2d ZeroPad3d", "padding value")
_add("ChannelShuffle", "groups")
_add("PixelShuffle", upscale_factor=INT)
_add("PixelUnshuffle", downscale_factor=INT)
_add("Flatten", start_dim=INT, end_dim=INT)
_add("Unflatten", "dim", unflattened_size=SIZE)
_add("Fold", "kernel_size dilation padding stride", output_size=SIZE)
_add("Unfold", "kernel_size dilation padding stride")
_add("CosineSimilarity", "dim eps")
_add("PairwiseDistance", "eps", norm=NUMBER, keepdim=FLAG)
_add(
    "Upsample UpsamplingBilinear2d UpsamplingNearest2d",
    name=_TEXT,
    size=_optional(SIZE),
    scale_factor=_optional(_SCALE),
    mode=_one_of("nearest", "nearest-exact", "linear", "bilinear", "bicubic", "trilinear"),
    align_corners=_optional(FLAG),
    recompute_scale_factor=_optional(FLAG),
)


def described(module: torch.nn.Module) -> dict[str, Any] | None:
    """The attributes that make a layer of the table what it is; None of any other module."""
    layer = LAYERS.get(type(module).__name__)
    if layer is None or type(module) is not layer.kind or module._modules:
        return None
    if module._forward_hooks or module._forward_pre_hooks:
        return None
    own = {name: value for name, value in vars(module).items() if name not in _EVERY_MODULE}
    if any(name not in layer.attributes and hasattr(layer.kind, name) for name in own):
        return None  # a method of its own
    attributes = {name: own[name] for name in layer.attributes if name in own}
    names = {*module._parameters} - layer.parameters, {*module._buffers} - layer.buffers
    return None if any(names) or misfits(layer, attributes) else attributes


_EVERY_MODULE = {*vars(torch.nn.Module())}


def misfits(layer: Layer, attributes: Mapping[str, Any]) -> list[str]:
    """What keeps these attributes from being those of a layer of that class, one line each."""
    found = [f"has no attribute {name!r:.80}" for name in attributes if name not in layer.attributes]
    found += [f"lacks the attribute {name!r}" for name in layer.attributes if name not in attributes]
    found += [
        f"{name} (={attributes[name]!r:.80}) must be {kind.description}"
        for name, kind in layer.attributes.items()
        if name in attributes and not kind.fits(attributes[name])
    ]
    return [f"torch.nn.{layer.kind.__name__} {text}" if "must" not in text else text for text in found]


def output_shapes(module: torch.nn.Module, args: Any, kwargs: Any) -> list[tuple[int, ...]] | None:
    """The shapes of what a layer gives for arrays of these shapes; None where torch cannot tell.

    Nothing is computed and no memory is taken, whatever sizes the attributes ask for.

    Raises:
        ValueError: torch refuses the attributes, the weights or the arguments.
    """
    tensors = {
        name: tensor.to("meta")
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]
        if tensor is not None
    }
    try:
        with torch.no_grad():
            result = torch.func.functional_call(module, tensors, _on_meta(args), _on_meta(kwargs))
    except NotImplementedError:
        return None
    except Exception as error:  # torch's refusals are of many types
        raise ValueError(str(error).split("\n")[0][:300]) from error
    leaves = result if isinstance(result, tuple | list) else [result]
    return [
        tuple(y.shape)
        for y in leaves
        if isinstance(y, torch.Tensor) and (y.is_floating_point() or y.is_complex())
    ]


def _on_meta(tree: Any) -> Any:
    """The same with tensors that have a shape and no memory in the place of arrays."""
    if isinstance(tree, np.ndarray):
        dtype = TORCH_DTYPES[tree.dtype.name]
        return torch.empty(tree.shape, dtype=dtype, device="meta")
    if isinstance(tree, dict):
        return {name: _on_meta(value) for name, value in tree.items()}
    return type(tree)(map(_on_meta, tree)) if isinstance(tree, tuple | list) else tree
