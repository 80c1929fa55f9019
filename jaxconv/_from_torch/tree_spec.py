"""torch's tree specifications of arguments and results, without torch."""

from collections.abc import Mapping
from typing import Any

from jaxconv._from_torch.structure import Structure


def structure(spec: Any) -> Structure:
    """torch's tree specification as our own.

    Raises:
        ValueError: a container that is none of Python's, and no dataclass or named tuple.
    """
    if spec.is_leaf():
        return Structure("leaf")
    children = tuple(map(structure, spec.children()))
    kind, context = spec.type, spec.context
    name = kind.__name__
    if kind in (tuple, list):
        return Structure(name, children)
    if name == "Size":
        return Structure("tuple", children)
    if name in ("namedtuple", "structseq"):
        return Structure("record", children, tuple(context._fields), context.__name__)
    if kind.__module__ == "torch.return_types":  # of torch.sort, torch.max, ...
        return Structure("record", children, tuple(kind.__match_args__), name)
    if isinstance(kind, type) and issubclass(kind, dict):  # OrderedDict, ModelOutput
        return Structure("dict", children, tuple(_keys(context)))
    if hasattr(kind, "__dataclass_fields__"):
        return Structure("record", children, tuple(_keys(context)), name)
    raise ValueError(
        f"arguments and results of type {name} are not understood: "
        "use tuples, lists, dicts, named tuples or dataclasses"
    )


def _keys(context: Any) -> Any:
    """The names in a tree specification's context, which may stand beside something else."""
    if isinstance(context, Mapping):
        return list(context)
    context = list(context)
    return context[0] if context and isinstance(context[0], list | tuple) else context
