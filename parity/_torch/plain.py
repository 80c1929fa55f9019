"""A torch network without what is wrapped around it: compilation, and weights that are computed from others."""

import copy
from collections.abc import Iterator

import torch
from torch.nn.utils import parametrize, prune, remove_spectral_norm, remove_weight_norm
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

_MARKS = (
    "parametrizations.",
    "weight_g",
    "weight_v",
    "_orig",
    "_mask",
    "kernel/scale",
)  # the last is linen.WeightNorm's


def keeps_its_parametrizations(names: Iterator[str]) -> bool:
    """Whether a Flax network with arrays of these names computes its weights as torch's parametrizations do."""
    return any(mark in name for name in names for mark in _MARKS)


def copied(module: torch.nn.Module) -> torch.nn.Module:
    """Returns a copy of a network, without torch.compile around it.

    Raises:
        TypeError: it is no torch.nn.Module, or a ScriptModule.
        ValueError: tensors have no shape, or no numbers.
    """
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"`torch_module` must be a torch.nn.Module, got {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)
    if isinstance(module, torch.jit.ScriptModule):
        raise TypeError(
            f"`torch_module` is a {type(module).__name__}, whose layers cannot be run one by one: give the "
            "torch.nn.Module that it was made from"
        )
    tensors = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    if lazy := [name for name, t in tensors.items() if torch.nn.parameter.is_lazy(t)]:
        raise ValueError(
            f"`torch_module`: {_some(lazy)} of lazy layers have no shape yet: call the network once"
        )
    if meta := [name for name, t in tensors.items() if t.is_meta]:
        raise ValueError(
            f"`torch_module`: {_some(meta)} are on the meta device, without numbers: load weights"
        )
    # torch refuses to copy a tensor that was computed from a parameter, as the old weight_norm keeps one.
    computed = {
        id(value): value.detach().clone()
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, torch.Tensor) and value.grad_fn is not None
    }
    return copy.deepcopy(module, computed)


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:4])) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def unwrap(module: torch.nn.Module) -> tuple[str, ...]:
    """Replaces weights that are computed (weight_norm, spectral_norm, parametrize, prune) by what they are.

    Args:
        module: is changed.

    Returns:
        A sentence about each of them.

    Raises:
        ValueError: such a weight is another one after each step of training; all are listed.
    """
    found = list(_computed(module))
    changing = [name for name, kind, _ in found if module.training and "pectral" in kind]
    if changing:
        raise ValueError(
            f"`torch_module`: in training mode spectral_norm changes the weight of {', '.join(map(repr, changing))} "
            "with every call: call .eval() to compare the networks"
        )
    for name, kind, tensor in found:
        layer = module.get_submodule(name)
        if kind == "WeightNorm":
            remove_weight_norm(layer, tensor)
        elif kind == "SpectralNorm":
            remove_spectral_norm(layer, tensor)
        elif kind == "pruning":
            prune.remove(layer, tensor)
        else:
            # torch takes the tensor's property off the class, which a copy shares with the original.
            kind_of = type(layer)
            own = {k: v for k, v in vars(kind_of).items() if k not in ("__dict__", "__weakref__")}
            layer.__class__ = type(kind_of.__name__, kind_of.__bases__, own)
            parametrize.remove_parametrizations(layer, tensor)
    return tuple(
        f"torch's {f'{name}.{tensor}' if name else tensor!r} is computed by {kind}: its value is compared, and the "
        "gradient with respect to it"
        for name, kind, tensor in found
    )


def _computed(module: torch.nn.Module) -> Iterator[tuple[str, str, str]]:
    """The layer's path, what computes, and the tensor's name."""
    for name, layer in module.named_modules():
        if parametrize.is_parametrized(layer):
            for tensor, steps in layer.parametrizations.items():
                yield name, ", ".join(type(step).__name__ for step in steps), tensor
        for hook in layer._forward_pre_hooks.values():
            if isinstance(hook, WeightNorm | SpectralNorm):
                yield name, type(hook).__name__, hook.name
            elif isinstance(hook, prune.BasePruningMethod):
                yield name, "pruning", hook._tensor_name
