"""For inference: BatchNorm folded into the convolution or linear layer before it."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
from flax import nnx

from jaxconv import nn
from jaxconv._tree import _children, with_leaves

Model = TypeVar("Model", bound=nnx.Module)

_PLAIN: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_TRANSPOSED: tuple[Any, ...] = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS: tuple[Any, ...] = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class _Place(NamedTuple):
    container: Any
    key: Any
    module: Any


def fuse_conv_bn(model: Model, pairs: Iterable[tuple[str, str]] | None = None) -> Model:
    """A new model without some BatchNorms, each folded into the layer before it; `model` stays as it was.

    With scale = weight / sqrt(running_var + eps) of the BatchNorm, the layer's weight is multiplied by the scale of
    each channel of its output, and its bias becomes (bias - running_mean) * scale + the BatchNorm's bias: the same
    function in evaluation mode (torch.nn.utils.fusion.fuse_conv_bn_eval and fuse_linear_bn_eval). An Identity takes
    the BatchNorm's place. Computed in float32 at least, and rounded to the layer's `param_dtype`.

    For NNX modules. Linen's variables do not tell which layer uses them: fuse the NNX twin, and load its
    `state_dict` into a Linen model that is written without the BatchNorms.

    Args:
        model: an NNX module in evaluation mode (`model.eval()`).
        pairs: names, as in `state_dict`, of a Conv, ConvTranspose or Linear and of the BatchNorm that alone takes its
            output: [("conv1", "bn1"), ("layer1.0.conv1", "layer1.0.bn1")]. That nothing comes between the two is
            the caller's to know. A Linear's output must be (N, C). None: all that follow one another in a
            Sequential.

    Raises:
        ValueError: no pair at all; an unknown name, or a layer that is named or used twice; a BatchNorm in training
            mode, without running statistics or for another number of channels.
        TypeError: `model` is no NNX module, or a name is that of another kind of layer.
    """
    if not isinstance(model, nnx.Module):
        raise TypeError(f"`model` must be an NNX module, got {type(model).__name__}")
    fused: Any = with_leaves(model, {})
    places = dict(_walk(fused, (), ()))
    chosen = _in_sequentials(fused, places) if pairs is None else [(str(a), str(b)) for a, b in pairs]
    if not chosen:
        raise ValueError(
            "fuse_conv_bn found no layer with a BatchNorm after it in a Sequential: give it `pairs`"
        )
    names = [name for pair in chosen for name in pair]
    used = [id(place.module) for place in places.values()]
    for name in names:
        if name not in places:
            raise ValueError(
                f"`pairs`: the model has no module {name!r}; it has {', '.join(map(repr, places))}"
            )
        if names.count(name) > 1:
            raise ValueError(f"`pairs` names {name!r} more than once")
        if used.count(id(places[name].module)) > 1:
            raise ValueError(f"`pairs`: the module {name!r} is in the model at more than one place")
    for layer_name, norm_name in chosen:
        norm = places[norm_name]
        _fold(layer_name, places[layer_name].module, norm_name, norm.module)
        if isinstance(norm.container, nnx.Pytree):
            setattr(norm.container, norm.key, nn.Identity())
        else:
            norm.container[norm.key] = nn.Identity()
    return fused


def _walk(node: Any, path: tuple[str, ...], above: tuple[int, ...]) -> Iterator[tuple[str, _Place]]:
    """Every module below `node` at every place that it has, by the names of `state_dict`."""
    for key, child in _children(node):
        hidden = isinstance(node, nnx.Sequential) and key == "layers"
        child_path = path if hidden else (*path, str(key))
        if isinstance(child, nnx.Module) and not hidden:
            yield ".".join(child_path), _Place(node, key, child)
        if isinstance(child, nnx.Pytree | list | dict) and id(child) not in above:
            yield from _walk(child, child_path, (*above, id(node)))


def _in_sequentials(model: Any, places: dict[str, _Place]) -> list[tuple[str, str]]:
    """The names of what can be fused and follows one another in a Sequential."""
    modules = {"": model} | {name: place.module for name, place in places.items()}
    pairs = []
    for name, module in modules.items():
        if isinstance(module, nnx.Sequential | nn.Sequential):
            inside = module.layers if isinstance(module, nnx.Sequential) else module
            # Not only modules: a function between the two is in the way as well.
            called = [(str(key), child) for key, child in _children(inside) if callable(child)]
            for (layer, first), (norm, second) in itertools.pairwise(called):
                if isinstance(first, _PLAIN + _TRANSPOSED) and isinstance(second, _NORMS):
                    prefix = f"{name}." if name else ""
                    pairs.append((prefix + layer, prefix + norm))
    return pairs


def _fold(layer_name: str, layer: Any, norm_name: str, norm: Any) -> None:
    if not isinstance(layer, _PLAIN + _TRANSPOSED):
        raise TypeError(f"{layer_name!r} must be a Conv, ConvTranspose or Linear, got {type(layer).__name__}")
    if not isinstance(norm, _NORMS):
        raise TypeError(f"{norm_name!r} must be a BatchNorm, got {type(norm).__name__}")
    if not norm.track_running_stats:
        raise ValueError(f"{norm_name!r} has no running statistics to fold (track_running_stats=False)")
    if not norm.use_running_average:
        raise ValueError(f"Fusion only for eval! {norm_name!r} is in training mode: call model.eval() first")
    weight = layer.weight[...]
    groups = layer.groups if isinstance(layer, _TRANSPOSED) else 1
    channels = weight.shape[1] * groups if isinstance(layer, _TRANSPOSED) else weight.shape[0]
    if norm.num_features != channels:
        raise ValueError(
            f"{norm_name!r} is for {norm.num_features} channels, but {layer_name!r} has {channels} channels of output"
        )
    wide = jnp.promote_types(jnp.promote_types(weight.dtype, norm.running_var[...].dtype), jnp.float32)

    def value(variable: Any, default: float) -> jax.Array:
        return jnp.full(channels, default, wide) if variable is None else variable[...].astype(wide)

    scale = value(norm.weight, 1) / jnp.sqrt(value(norm.running_var, 1) + norm.eps)
    bias = (value(layer.bias, 0) - value(norm.running_mean, 0)) * scale + value(norm.bias, 0)
    if isinstance(layer, _TRANSPOSED):
        # (in, out / groups, *kernel): the group of an output channel is that of the input channel.
        of_input = jnp.repeat(scale.reshape(groups, -1), weight.shape[0] // groups, 0)
        by_output = of_input.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))
    else:
        by_output = scale.reshape(-1, *(1,) * (weight.ndim - 1))
    # New variables: the old ones may be tied to others.
    layer.weight = layer.weight.copy((weight.astype(wide) * by_output).astype(weight.dtype))
    value_of_bias = bias.astype(weight.dtype)
    layer.bias = nnx.Param(value_of_bias) if layer.bias is None else layer.bias.copy(value_of_bias)
