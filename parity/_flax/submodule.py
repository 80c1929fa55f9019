"""`parity.submodule`."""

import dataclasses
from typing import Any

import numpy as np
from flax import linen, nnx

from parity._flax.network import Part, layers, network


def submodule(model: Any, path: str, *inputs: Any, train: bool = False) -> Any:
    """Takes a module out of a Flax network, with the weights that it has there.

    torch's counterpart is `Module.get_submodule`.

    Args:
        model: an NNX module, a bound Linen module, or a pair (Linen module, variables).
        path: of the module, with torch's names: 'blocks.0.conv'; '' is the network.
        inputs: of the whole network, in the network's own layout. A Linen network is run with them, since its compact
            modules exist only while it runs.
        train: the mode in which a Linen network is run, should its call take one.

    Returns:
        The NNX module, which shares its variables with the network, or a pair (Linen module, variables).

    Raises:
        ValueError: the network has no module of this path.
        TypeError: a network of another kind.

    Examples:
        >>> net = nnx.Sequential(jaxconv.Linear(3, 4, rngs=nnx.Rngs(0)), jaxconv.ReLU())
        >>> parity.submodule(net, "1")(jax.numpy.array([-1.0, 2.0]))
        Array([0., 2.], dtype=float32)
    """
    if not path:
        return model
    part = network(model, train)
    if not isinstance(part.module, nnx.Module | linen.Module):
        raise TypeError(f"`model` must be an NNX or a Linen network to have modules, got {part.kind}")
    found = layers(model, part, [np.asarray(x) for x in inputs])
    if path not in found:
        known = ", ".join(name for name in found if name) or "none"
        hint = "" if isinstance(part.module, nnx.Module) else "; a Linen network must run on `inputs`"
        raise ValueError(f"`path` (={path!r}): the network has no such module; it has {known}{hint}")
    return alone(found[path])


def alone(part: Part) -> Any:
    """A module of a network as a network of its own, as `parity.check` takes it."""
    if isinstance(part.module, nnx.Module):
        return part.module
    # What the network says in its call, as use_running_average, the module alone must be told.
    fields = {field.name for field in dataclasses.fields(part.module)}
    told = {name: value for name, value in part.options if name in fields}
    return (part.module.clone(**told) if told else part.module), part.held
