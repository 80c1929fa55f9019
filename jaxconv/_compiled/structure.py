"""Structures of arrays as JSON: tuples, lists, dicts, named tuples and None, and each array's shape and dtype."""

import keyword
from collections import namedtuple
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv._files.arrays import DTYPES
from jaxconv._files.limits import Damaged

_DEEPEST = 50
_LARGEST = 2**31


def encoded(name: str, tree: Any) -> Any:
    """Describes a structure of jax.ShapeDtypeStructs.

    Raises:
        TypeError: it holds something else, or a dtype that the file cannot name; the text begins with `name`.
    """
    if tree is None:
        return None
    if isinstance(tree, jax.ShapeDtypeStruct):
        if str(tree.dtype) not in DTYPES:
            raise TypeError(
                f"{name} has the dtype {tree.dtype}, which a file of a compiled model cannot hold"
            )
        return {"array": [*tree.shape], "dtype": str(tree.dtype)}
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        items = [encoded(f"{name}.{field}", item) for field, item in zip(tree._fields, tree, strict=True)]
        return {"namedtuple": type(tree).__name__, "fields": [*tree._fields], "items": items}
    if type(tree) in (tuple, list):
        return {type(tree).__name__: [encoded(f"{name}[{i}]", item) for i, item in enumerate(tree)]}
    if type(tree) is dict and all(type(key) in (str, int) for key in tree):
        return {"dict": [[key, encoded(f"{name}[{key!r}]", item)] for key, item in tree.items()]}
    raise TypeError(
        f"{name} is a {type(tree).__module__}.{type(tree).__name__}; a file of a compiled model can hold tuples, "
        f"lists, dicts with keys of str or int, named tuples and None"
    )


def decoded(entry: Any, depth: int = 0) -> Any:
    """The structure that `encoded` described. A named tuple gets a class of its own, with the same name and fields.

    Raises:
        Damaged: it describes none.
    """
    if depth > _DEEPEST:
        raise Damaged("a structure is nested too deeply")
    if entry is None:
        return None
    kind = next(iter(entry)) if isinstance(entry, dict) and entry else None
    if kind == "array" and {*entry} == {"array", "dtype"}:
        return jax.ShapeDtypeStruct(shape(entry["array"]), jnp.dtype(dtype(entry["dtype"])))
    if kind in ("tuple", "list") and len(entry) == 1:
        items = [decoded(item, depth + 1) for item in listed(entry[kind])]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict" and len(entry) == 1:
        pairs = [listed(pair) for pair in listed(entry["dict"])]
        if any(len(pair) != 2 or type(pair[0]) not in (str, int) for pair in pairs):
            raise Damaged("a dict is not made of keys and values")
        found = {key: decoded(item, depth + 1) for key, item in pairs}
        if len(found) < len(pairs) or len({type(key) for key in found}) > 1:
            raise Damaged("a dict has a key twice, or keys that have no order")
        return found
    if kind == "namedtuple" and {*entry} == {"namedtuple", "fields", "items"}:
        return _namedtuple(entry, depth)
    raise Damaged(f"a structure is described by {entry!r:.60}")


def _namedtuple(entry: dict[str, Any], depth: int) -> Any:
    name, fields = entry["namedtuple"], listed(entry["fields"])
    items = [decoded(item, depth + 1) for item in listed(entry["items"])]
    words = [name, *fields]
    good = all(isinstance(w, str) and w.isidentifier() and not keyword.iskeyword(w) for w in words)
    # namedtuple() makes its constructor's source of the names, so they have to be names, and few.
    if not good or max(map(len, words)) > 100 or len(fields) > 1000 or any(f.startswith("_") for f in fields):
        raise Damaged("a named tuple has no name or no names of fields")
    if len({*fields}) < len(fields) or len(fields) != len(items):
        raise Damaged("a named tuple must have one value for each field")
    return namedtuple(name, fields)(*items)


def listed(value: Any) -> list[Any]:
    """A list from JSON.

    Raises:
        Damaged: it is something else.
    """
    if not isinstance(value, list):
        raise Damaged(f"a list is expected, got {value!r:.60}")
    return value


def shape(value: Any) -> tuple[int, ...]:
    """A shape from JSON.

    Raises:
        Damaged: it is none.
    """
    if len(listed(value)) > 32 or any(type(n) is not int or not 0 <= n < _LARGEST for n in value):
        raise Damaged(f"{value!r:.60} is not a shape")
    return tuple(value)


def dtype(value: Any) -> str:
    """The name of a dtype from JSON.

    Raises:
        Damaged: it is none.
    """
    if not isinstance(value, str) or value not in DTYPES:
        raise Damaged(f"{value!r:.60} is not a dtype")
    return value
