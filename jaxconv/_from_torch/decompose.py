"""torch's own decompositions: an operation that is not in our table as operations that are."""

from collections.abc import Callable
from functools import cache
from typing import Any


def decomposed(node: Any, supported: Callable[[Any], bool]) -> tuple[Any, list[Any]] | None:
    """The graph of a node's operation in simpler ones, and the nodes that it takes.

    None if the operation needs no such graph, or if torch has none.

    Args:
        node: a call of an operation, with the fake tensors of the trace that it is in.
        supported: whether an operation needs no decomposition.
    """
    import torch
    from torch._decomp import decomposition_table
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.utils._pytree import tree_flatten, tree_unflatten

    operation = functional(node.target)
    if not isinstance(operation, torch._ops.OpOverload):
        return None
    written = [argument.name for argument in node.target._schema.arguments if argument.is_out]
    if supported(operation) and not written:
        return None
    leaves, tree = tree_flatten((node.args, {k: v for k, v in node.kwargs.items() if k not in written}))
    inputs = list(dict.fromkeys(leaf for leaf in leaves if isinstance(leaf, torch.fx.Node)))

    def call(*given: Any) -> Any:
        values = dict(zip(inputs, given, strict=True))
        filled = [values[leaf] if isinstance(leaf, torch.fx.Node) else leaf for leaf in leaves]
        args, kwargs = tree_unflatten(filled, tree)
        return operation(*args, **kwargs)

    def missing(own: Any) -> bool:
        # Sizes, and checks without a result, are none of the table.
        tensors = isinstance(own.target, torch._ops.OpOverload) and isinstance(
            own.meta.get("val"), torch.Tensor | list | tuple
        )
        return tensors and not supported(functional(own.target))

    overloads = {op: f for op, f in decomposition_table.items() if isinstance(op, torch._ops.OpOverload)}
    table = {op: function for op, function in overloads.items() if not supported(op)}
    try:
        with torch.no_grad():
            made = make_fx(call, table, "symbolic", _allow_non_fake_inputs=True)(
                *(leaf.meta["val"] for leaf in inputs)
            )
    except Exception:
        return None  # the operation is reported as one that is not covered
    if any(map(missing, made.graph.nodes)):
        return None
    for own in made.graph.nodes:
        own.meta = node.meta | {"val": own.meta.get("val")}
    return made.graph, inputs


@cache
def functional(target: Any) -> Any:
    """The operation that computes what an in-place one or one with `out=` writes; any other operation itself."""
    import torch

    if not isinstance(target, torch._ops.OpOverload) or not target._schema.is_mutable:
        return target
    packet, schema = target.name().partition("::")[2].partition(".")[0], target._schema
    inputs = [(a.name, str(a.type)) for a in schema.arguments if not a.is_out]
    family = getattr(getattr(torch.ops, target.namespace), packet.removesuffix("_"), None)
    for overload in family.overloads() if family else ():
        found = getattr(family, overload)
        if (
            not found._schema.is_mutable
            and [(a.name, str(a.type)) for a in found._schema.arguments] == inputs
        ):
            return found
    return target


def written_outside(node: Any) -> list[Any]:
    """The nodes that take the results of a node's decomposition, which does not write to them itself."""
    found = []
    written = node.target._schema.arguments if functional(node.target) is not node.target else ()
    for index, argument in enumerate(written):
        if argument.alias_info is not None and argument.alias_info.is_write:
            found.append(node.args[index] if index < len(node.args) else node.kwargs[argument.name])
    return found
