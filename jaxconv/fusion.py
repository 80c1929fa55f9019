"""For inference: BatchNorm folded into the convolution or linear layer before it."""

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeVar

from flax import linen, nnx

from jaxconv import _linen_inference, nn
from jaxconv._folding import check_pairs, folded
from jaxconv._from_torch import conv_bn_pairs
from jaxconv._tree import Place, _children, places, with_leaves

__all__ = ["fuse_conv_bn"]

Model = TypeVar("Model", bound=nnx.Module | tuple[linen.Module, Any])

_PLAIN: tuple[Any, ...] = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear)
_TRANSPOSED: tuple[Any, ...] = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_NORMS: tuple[Any, ...] = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_NOTHING = "fuse_conv_bn found no layer with a BatchNorm after it in a Sequential: give it `pairs`"


def fuse_conv_bn(
    model: Model, pairs: Iterable[tuple[str, str]] | None = None, *, inputs: tuple[Any, ...] | None = None
) -> Model:
    """Folds BatchNorms into the layers before them, and returns a new model; `model` stays as it was.

    Let scale = weight / sqrt(running_var + eps) of the BatchNorm. The layer's weight is multiplied by the scale of
    each output channel. Its bias becomes (bias - running_mean) * scale + the BatchNorm's bias. In evaluation mode
    the new model computes the same (torch.nn.utils.fusion.fuse_conv_bn_eval and fuse_linear_bn_eval). An Identity
    takes the BatchNorm's place. The new weights are computed in float32 or wider, and rounded to `param_dtype`.

    Args:
        model: an NNX module in evaluation mode (`model.eval()`), or a pair (Linen module, variables), for which a new
            pair is returned: a module that calls the given one without the BatchNorms, and its variables. In the new
            module each layer is in evaluation mode whose mode neither its constructor nor its call was given.
        pairs: names, as in `state_dict`, of a Conv, ConvTranspose or Linear and of the BatchNorm that alone takes its
            output: [("conv1", "bn1"), ("layer1.0.conv1", "layer1.0.bn1")]. You must know that nothing comes
            between the two. A Linear's output must be (N, C). None folds all pairs that follow one another in a
            Sequential, and all pairs in a network that `from_torch` made. (It leaves out a class derived from
            Sequential with its own `__call__`, and a layer that is used elsewhere as well.)
        inputs: for a Linen module only: examples of its arguments, arrays or jax.ShapeDtypeStruct. A Linen module makes
            its layers when it is called.

    Raises:
        ValueError: no pair at all; an unknown name, or a layer that is named or used twice; a BatchNorm in training
            mode, without running statistics or for another number of channels.
        TypeError: `model` is neither, `inputs` are missing or not wanted, or a name is that of another kind of layer.
    """
    if isinstance(model, tuple) and len(model) == 2 and isinstance(model[0], linen.Module):
        if inputs is None:
            raise TypeError(
                "a Linen module needs example `inputs`, because it makes its layers when it is called"
            )
        fused: Any = _linen_inference.fuse(model[0], model[1], pairs, inputs)
        if not fused[0].norms:
            raise ValueError(_NOTHING)
        return fused
    if not isinstance(model, nnx.Module):
        raise TypeError(
            f"`model` must be an NNX module or a pair (Linen module, variables), got {type(model).__name__}"
        )
    if inputs is not None:
        raise TypeError("`inputs` are only for a Linen module; leave them out for an NNX module")
    fused = with_leaves(model, {})
    at = dict(places(fused))
    chosen = _found(fused, at) if pairs is None else [(str(a), str(b)) for a, b in pairs]
    if not chosen:
        raise ValueError(_NOTHING)
    if pairs is not None:
        used = Counter(id(place.module) for place in at.values())
        check_pairs(chosen, list(at), {name: used[id(place.module)] for name, place in at.items()})
    for layer_name, norm_name in chosen:
        norm = at[norm_name]
        rest = _fold(layer_name, at[layer_name].module, norm_name, norm.module)
        if isinstance(norm.container, nnx.Pytree):
            setattr(
                norm.container, norm.key, nnx.data(rest) if isinstance(rest, conv_bn_pairs.Shifted) else rest
            )
        else:
            norm.container[norm.key] = rest
    return fused


def _found(model: Any, at: dict[str, Place]) -> list[tuple[str, str]]:
    """The names of what can be fused and is known to follow one another; a module in several places under the first."""
    modules = {"": model} | {name: place.module for name, place in at.items()}
    count = Counter(id(module) for module in modules.values())
    by_path = {tuple(name.split(".")) if name else (): module for name, module in modules.items()}
    pairs = [(first, second, 1) for first, second in conv_bn_pairs.followers(by_path)]
    seen: set[int] = set()
    for name, module in modules.items():
        if (
            type(module).__call__ in (nnx.Sequential.__call__, nn.Sequential.__call__)
            and id(module) not in seen
        ):
            seen.add(id(module))
            inside = module.layers if isinstance(module, nnx.Sequential) else module
            # Not only modules: a function between the two is in the way as well.
            called = [str(key) for key, child in _children(inside) if callable(child)]
            prefix = f"{name}." if name else ""
            pairs += [(prefix + a, prefix + b, count[id(module)]) for a, b in itertools.pairwise(called)]
    return [
        (layer, norm)
        for layer, norm, times in pairs
        if _is_layer(modules.get(layer))
        and _is_norm(modules.get(norm))
        and getattr(modules[norm], "running_mean", None) is not None
        and count[id(modules[layer])] == count[id(modules[norm])] == times
    ]


def _is_layer(module: Any) -> bool:
    return isinstance(module, _PLAIN + _TRANSPOSED) or conv_bn_pairs.layer_step(module) is not None


def _is_norm(module: Any) -> bool:
    return isinstance(module, _NORMS) or conv_bn_pairs.norm_step(module) is not None


def _fold(layer_name: str, layer: Any, norm_name: str, norm: Any) -> nnx.Module:
    """What stays in the place of the BatchNorm."""
    if not _is_layer(layer):
        kind = getattr(layer, "torch_class", type(layer).__name__)
        raise TypeError(f"{layer_name!r} must be a Conv, ConvTranspose or Linear, got {kind}")
    if not _is_norm(norm):
        kind = getattr(norm, "torch_class", type(norm).__name__)
        raise TypeError(f"{norm_name!r} must be a BatchNorm, got {kind}")
    of_torch = conv_bn_pairs.norm_step(norm)
    mean, var = getattr(norm, "running_mean", None), getattr(norm, "running_var", None)
    if mean is None or var is None:
        raise ValueError(f"{norm_name!r} has no running statistics to fold (track_running_stats=False)")
    if conv_bn_pairs.is_training(norm, of_torch) if of_torch else not norm.use_running_average:
        raise ValueError(f"Fusion only for eval! {norm_name!r} is in training mode: call model.eval() first")
    weight, bias = layer.weight[...], getattr(layer, "bias", None)
    step = conv_bn_pairs.layer_step(layer)
    transposed = step.op.startswith("conv_transpose") if step else isinstance(layer, _TRANSPOSED)
    groups = None if not transposed else conv_bn_pairs.groups(step) if step else layer.groups
    held = {own: getattr(norm, own, None) for own in ("running_mean", "running_var", "weight", "bias")}
    arrays = {own: variable[...] for own, variable in held.items() if variable is not None}
    eps = of_torch.args[7] if of_torch else norm.eps
    old = None if bias is None else bias[...]
    weight, shift = folded((layer_name, norm_name), weight, old, arrays, eps, groups)
    # New variables: the old ones may be tied to others.
    layer.weight = layer.weight.copy(weight)
    if bias is None and step is not None:  # its program adds none
        return conv_bn_pairs.Shifted(shift)
    layer.bias = nnx.Param(shift) if bias is None else bias.copy(shift)
    return nn.Identity()
