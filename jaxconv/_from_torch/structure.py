"""The shape of a network's arguments and results: tuples, lists, dicts and named tuples around leaves."""

from collections import namedtuple
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any


@dataclass(frozen=True)
class Structure:
    """A container and what is in it; hashable, and without the classes of the network's own code.

    Attributes:
        kind: 'leaf', 'none', 'tuple', 'list', 'dict', or 'record': a named tuple.
        children: in order.
        keys: of a dict, or the fields of a record.
        name: of a record's class.
    """

    kind: str
    children: tuple["Structure", ...] = ()
    keys: tuple[Any, ...] = ()
    name: str = ""

    def build(self, leaves: Iterator[Any]) -> Any:
        """The container around the next leaves."""
        if self.kind == "leaf":
            return next(leaves)
        if self.kind == "none":
            return None
        values = [child.build(leaves) for child in self.children]
        if self.kind == "record":
            return record(self.name, self.keys)(*values)
        if self.kind == "dict":
            return dict(zip(self.keys, values, strict=True))
        return values if self.kind == "list" else tuple(values)

    def places(self, where: str) -> Iterator[str]:
        """What to call each leaf in an error, as `leaves` does."""
        if self.kind == "leaf":
            yield where
        keys = self.keys if self.kind == "dict" else range(len(self.children))
        for key, child in zip(keys, self.children, strict=True):
            yield from child.places(f"{where}[{key!r}]")

    def leaves(self, value: Any, where: str) -> Iterator[tuple[str, Any]]:
        """The leaves of `value` and what to call each in an error.

        Raises:
            ValueError: `value` is built otherwise.
        """
        if self.kind == "leaf":
            yield where, value
            return
        if self.kind == "none":
            if value is not None:
                raise ValueError(f"`{where}` must be None, as in the example, got {type(value).__name__}")
            return
        if self.kind == "dict":
            if not isinstance(value, dict) or set(value) != set(self.keys):
                got = sorted(map(str, value)) if isinstance(value, dict) else type(value).__name__
                raise ValueError(
                    f"`{where}` must be a dict with the example's keys {sorted(map(str, self.keys))}, got {got}"
                )
            parts = [(f"{where}[{key!r}]", value[key]) for key in self.keys]
        else:
            if not isinstance(value, tuple | list) or len(value) != len(self.children):
                got = f"{len(value)}" if isinstance(value, tuple | list) else type(value).__name__
                raise ValueError(
                    f"`{where}` must be a {self.kind} of {len(self.children)}, as in the example, got {got}"
                )
            parts = [(f"{where}[{i}]", part) for i, part in enumerate(value)]
        for child, (place, part) in zip(self.children, parts, strict=True):
            yield from child.leaves(part, place)


@lru_cache
def record(name: str, fields: tuple[str, ...]) -> type:
    """A named tuple's class. One class a name: JAX takes two of the same fields for different containers."""
    return namedtuple(name, fields)
