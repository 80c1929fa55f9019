"""BatchNorm in evaluation mode as a part of the convolution or linear layer before it: the arithmetic."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp


def folded(
    names: tuple[str, str],
    weight: jax.Array,
    bias: Any,
    norm: Mapping[str, Any],
    eps: float,
    groups: int | None,
) -> tuple[jax.Array, jax.Array]:
    """The layer's new weight, and its new bias or what is to be added to its output.

    Computed in float32 at least, and rounded to the weight's dtype.

    Args:
        names: the layer's and the BatchNorm's, for messages.
        weight, bias: the layer's; None for no bias.
        norm: the BatchNorm's `running_mean`, `running_var`, `weight` and `bias`; without what it has not.
        eps: the BatchNorm's.
        groups: a transposed convolution's; None for any other layer.

    Raises:
        ValueError: the BatchNorm is for another number of channels.
    """
    channels = weight.shape[0] if groups is None else weight.shape[1] * groups
    size = norm["running_mean"].shape[0]
    if size != channels:
        raise ValueError(
            f"{names[1]!r} is for {size} channels, but {names[0]!r} has {channels} channels of output"
        )
    wide = jnp.promote_types(jnp.promote_types(weight.dtype, norm["running_var"].dtype), jnp.float32)

    def value(array: Any, default: float) -> jax.Array:
        return jnp.full(channels, default, wide) if array is None else array.astype(wide)

    scale = value(norm.get("weight"), 1) / jnp.sqrt(value(norm["running_var"], 1) + eps)
    shift = (value(bias, 0) - value(norm["running_mean"], 0)) * scale + value(norm.get("bias"), 0)
    if groups is None:
        by_output = scale.reshape(-1, *(1,) * (weight.ndim - 1))
    else:
        # (in, out / groups, *kernel): the group of an output channel is that of the input channel.
        of_input = jnp.repeat(scale.reshape(groups, -1), weight.shape[0] // groups, 0)
        by_output = of_input.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))
    return (weight.astype(wide) * by_output).astype(weight.dtype), shift.astype(weight.dtype)


def check_pairs(pairs: list[tuple[str, str]], known: list[str], uses: Mapping[str, int]) -> None:
    """Refuses pairs of names that a user gave.

    Args:
        pairs: the names of layers and BatchNorms.
        known: all names of the model's modules.
        uses: at how many places a module is; 1 where it is missing.

    Raises:
        ValueError: an unknown name, or a layer that is named or used twice.
    """
    names = [name for pair in pairs for name in pair]
    for name in names:
        if name not in known:
            raise ValueError(
                f"`pairs`: the model has no module {name!r}; it has {', '.join(map(repr, known))}"
            )
        if names.count(name) > 1:
            raise ValueError(f"`pairs` names {name!r} more than once")
        if uses.get(name, 1) > 1:
            raise ValueError(f"`pairs`: the module {name!r} is in the model at more than one place")
