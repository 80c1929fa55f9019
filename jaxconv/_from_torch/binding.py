"""Which arrays a call of a torch network gives it, and at which batch size."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxconv._args import array
from jaxconv._from_torch import conditions
from jaxconv._from_torch.program import Array, Condition, Signature


class Network(Protocol):
    """What `bind` has to know of a network: see TorchNetwork."""

    signature: Signature
    signatures: tuple[tuple[int, Signature], ...]
    refused: tuple[tuple[int, str], ...]


def bind(
    network: Network, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[list[jax.Array], int | None]:
    """The arrays among the arguments, and the batch size if the network does something else at it.

    Raises:
        ValueError: the arguments are not the example's, or have a size that the network was not traced for.
        TypeError: an argument is no array where the example had a tensor.
    """
    signature = network.signature
    given = _leaves(signature, args, kwargs)
    arrays = [jnp.asarray(array(name, value)) for (name, value), wanted in given if isinstance(wanted, Array)]
    for size, special in network.signatures:
        shapes = [leaf.shape for leaf in special.leaves if isinstance(leaf, Array)]
        if all(map(_fits, arrays, shapes)):
            conditions.refuse(special, _sizes(special, _leaves(special, args, kwargs)))
            return arrays, size
    sizes = _sizes(signature, given)
    names, batches = signature.size_names(), signature.batch_symbols()
    for symbol, got in sizes.items():
        if symbol not in batches:
            continue
        for size, _ in network.signatures:
            if not conditions.holds(Condition("!=", symbol, size), sizes):
                raise ValueError(
                    f"{names[symbol]} = {got}: the network does something else at this size, and was traced for it "
                    f"only where all batch sizes are {size}; convert it again with an example of these sizes"
                )
        for size, reason in network.refused:
            if not conditions.holds(Condition("!=", symbol, size), sizes):
                raise ValueError(
                    f"{names[symbol]} = {got}: torch cannot run the network at this size: {reason}"
                )
    same = all(sizes[symbol] in signature.same_at for symbol in batches)
    for symbol, low, high in signature.ranges:
        if same and symbol in batches:
            continue
        got = sizes.get(symbol, low)
        if got is not None and ((low is not None and got < low) or (high is not None and got > high)):
            raise ValueError(
                f"the network was traced for {names.get(symbol, 'sizes')} from {low or 0} to "
                f"{'any' if high is None else high}, got {got}"
            )
    conditions.refuse(signature, sizes, batches if same else set())
    return arrays, None


def _leaves(
    signature: Signature, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[tuple[str, Any], Any]]:
    """Returns the arguments' leaves with their names, each with what the signature wants of it."""
    count = len(signature.args.children)
    kwargs = dict(kwargs)
    if len(args) < count:  # the rest by name
        args += tuple(kwargs.pop(name) for name in signature.names[len(args) : count] if name in kwargs)
    args, kwargs = _without_defaults(signature, args, kwargs)
    given = [
        *signature.args.leaves(args, "inputs"),
        *signature.kwargs.leaves(kwargs, "kwargs"),
    ]
    for (name, value), wanted in zip(given, signature.leaves, strict=True):
        if not isinstance(wanted, Array) and (
            isinstance(value, jax.Array | np.ndarray) or value != wanted or type(value) is not type(wanted)
        ):
            raise ValueError(f"`{name}` must be {wanted!r} in every call, as in the example, got {value!r}")
    return list(zip(given, signature.leaves, strict=True))


def _without_defaults(
    signature: Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments but for those that the example has not and that are their defaults.

    Raises:
        ValueError: such an argument is not its default.
    """
    count, defaults = len(signature.args.children), dict(signature.defaults)
    known = {*signature.kwargs.keys, *signature.names[:count]}
    extra = {name: value for name, value in kwargs.items() if name in defaults and name not in known}
    if len(signature.names) >= len(args) > count and all(
        n in defaults for n in signature.names[count : len(args)]
    ):
        extra |= dict(zip(signature.names[count:], args[count:], strict=False))
        args = args[:count]
    for name, value in extra.items():
        default = defaults[name]
        if type(value) is not type(default) or value != default:
            raise ValueError(
                f"`{name}` must be its default {default!r} in every call, because the example leaves it out, got "
                f"{value!r}: convert the network with an example that has it"
            )
    return args, {name: value for name, value in kwargs.items() if name not in extra}


def _fits(array: Any, shape: tuple[Any, ...]) -> bool:
    """Whether an array has a traced shape, whose symbols stand for any size."""
    return array.ndim == len(shape) and all(
        isinstance(wanted, str) or got == wanted for got, wanted in zip(array.shape, shape, strict=True)
    )


def _sizes(signature: Signature, given: list[tuple[tuple[str, Any], Any]]) -> dict[str, Any]:
    """The number of each symbol.

    Raises:
        ValueError: shapes that do not fit the example's.
    """
    sizes: dict[str, Any] = {}
    for (name, value), wanted in given:
        if not isinstance(wanted, Array):
            continue
        got = jnp.shape(value)
        fits = len(got) == len(wanted.shape)
        for size, expected in zip(got, wanted.shape, strict=False):
            fits &= size == (expected if isinstance(expected, int) else sizes.setdefault(expected, size))
        if not fits:
            names = dict(signature.labels) | {symbol: "any" for symbol in signature.batch_symbols()}
            shape = ", ".join(str(names.get(size, size)) for size in wanted.shape)
            fixed = not any(isinstance(s, str) for s in wanted.shape)
            raise ValueError(
                f"the network was traced for `{name}` of shape ({shape}), got shape {got}"
                + (
                    "; torch's code has fixed these sizes"
                    if fixed
                    else _to_name(signature, name, got, wanted)
                )
            )
    return sizes


def _to_name(signature: Signature, name: str, got: tuple[int, ...], wanted: Array) -> str:
    """How to convert the network so that these sizes may differ; empty if that cannot be told."""
    differ = [
        d for d, (a, b) in enumerate(zip(got, wanted.shape, strict=False)) if isinstance(b, int) and a != b
    ]
    parameters = dict(
        zip((f"inputs[{i}]" for i in range(len(signature.names))), signature.names, strict=True)
    )
    parameters |= {f"kwargs[{own!r}]": own for own in signature.names}
    if name not in parameters or len(got) != len(wanted.shape) or not differ:
        return ""
    dims = ", ".join(f"{d}: 'size{d}'" for d in differ)
    return (
        "; sizes but for the batch are the example's, unless from_torch is told which may differ: "
        f"dynamic={{{parameters[name]!r}: {{{dims}}}}}"
    )
