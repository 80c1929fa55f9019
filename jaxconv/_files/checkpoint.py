"""Where in a checkpoint the state_dict is, and its arrays."""

import os
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from jaxconv._files.arrays import DTYPES, StateDict
from jaxconv._files.limits import Budget, Damaged
from jaxconv._files.values import Dict, Foreign, PickledArray, StandIn, Tensor, Unreadable, children

_DEEP, _OFFERED, _SHOWN = 8, 10, 10
"""How deeply state_dicts are looked for, how many are offered, how many problems are shown."""

_LEVELS, _MANY = 64, 20_000
"""How deep a pickled module may be, and how many modules it may have."""

_PLAIN = (type(None), bool, int, float, complex, str, bytes, bytearray)


def state_dict(
    content: Any, key: str | None, foreign: Mapping[str, int], budget: Budget, path: str | os.PathLike[str]
) -> StateDict:
    """The arrays of the state_dict at `key`, read now.

    Raises:
        ValueError: there is none there; the others are offered.
    """
    found = _at(content, key) if key else content
    if found is _NOTHING:
        raise ValueError(f"{os.fspath(path)} has no key={key!r}{_hint(content)}")
    mapping = as_mapping(found)
    if mapping is None:
        what = f"a {_described(found)}" + (f" under key={key!r}" if key else "")
        raise ValueError(f"{os.fspath(path)} holds {what}, not a state_dict{_hint(content)}")
    tensors, skipped, problems = _sorted_out(mapping)
    nested = [name for name in _found_below(found) if name] if not isinstance(found, StandIn) else []
    if problems or (mapping and not tensors) or (nested and skipped):
        odd = problems or [
            f"{name!r}: {_described(value)} is not an array" for name, value in skipped.items()
        ]
        more = [f"and {len(odd) - _SHOWN} more"] if len(odd) > _SHOWN else []
        raise ValueError(
            f"{os.fspath(path)} is not a state_dict: {', '.join([*odd[:_SHOWN], *more])}{_hint(content)}"
        )
    arrays: dict[str, np.ndarray] = {}
    read: dict[Any, np.ndarray] = {}  # of each tensor once, however many names it has
    for name, value in tensors.items():
        if isinstance(value, Tensor):
            if value.key() not in read:
                read[value.key()] = value.array(budget)
            arrays[name] = read[value.key()]
        else:
            assert value.array is not None
            if id(value) not in read:
                array = value.array
                native = array.dtype if array.dtype.isnative else array.dtype.newbyteorder("=")
                read[id(value)] = np.array(array, native)
            arrays[name] = read[id(value)]
    notes = [f"skipped {name!r:.80}: {_described(value)}" for name, value in skipped.items()]
    notes += [f"{name}: not imported, {count} inert stand-in(s)" for name, count in foreign.items()]
    versions = (
        found.state.get("_metadata") if isinstance(found, Dict) and isinstance(found.state, dict) else None
    )
    return StateDict(arrays, tuple(notes), versions=_versions(versions))


def _versions(versions: Any) -> dict[str, dict[str, int]] | None:
    """The version that torch notes of each module."""
    if not isinstance(versions, dict):
        return None
    return {
        name: {"version": entry["version"]}
        for name, entry in versions.items()
        if isinstance(name, str) and isinstance(entry, dict) and isinstance(entry.get("version"), int)
    }


_NOTHING = object()


def _at(content: Any, key: str) -> Any:
    """What is under a dotted key; the parts may have dots themselves."""
    todo = [(content, key)]
    for _ in range(1000):
        if not todo:
            break
        node, rest = todo.pop()
        below = children(node)
        if rest in below:
            return below[rest]
        ends = [i for i, letter in enumerate(rest) if letter == "."]
        todo += [(below[rest[:i]], rest[i + 1 :]) for i in ends if rest[:i] in below]
    return _NOTHING


def as_mapping(node: Any) -> Mapping[Any, Any] | None:
    """A dict; of a whole module that was pickled, its state_dict; of another object, its attributes."""
    if isinstance(node, StandIn):
        return _of_module(node) if _is_module(node) else node.items or node.attributes() or None
    return node if isinstance(node, dict) else None


def _is_module(node: Any) -> bool:
    return isinstance(node, StandIn) and isinstance(node.attributes().get("_parameters"), dict)


def _of_module(module: StandIn) -> dict[str, Any]:
    """What torch's `state_dict()` would give."""
    found: dict[str, Any] = {}
    for count, (prefix, node) in enumerate(_modules(module)):
        if count == _MANY:  # one that is there twice, and holds another twice, is there without an end
            raise Damaged(f"a pickled module has more than {_MANY} modules")
        held = node.attributes()
        unsaved = held.get("_non_persistent_buffers_set")
        unsaved = unsaved if isinstance(unsaved, set | frozenset) else set()
        for kind in ("_parameters", "_buffers"):
            group = held.get(kind)
            for name, value in group.items() if isinstance(group, dict) else ():
                if (
                    isinstance(name, str)
                    and value is not None
                    and not (kind == "_buffers" and name in unsaved)
                ):
                    found[prefix + name] = value
    return found


def _modules(module: StandIn) -> Iterator[tuple[str, StandIn]]:
    """The module and all below it, in torch's order, with the prefixes of their names."""
    todo: list[tuple[str, StandIn, tuple[int, ...]]] = [("", module, ())]
    while todo:
        prefix, node, above = todo.pop()
        yield prefix, node
        below = node.attributes().get("_modules")
        inner = [
            (f"{prefix}{name}.", child, (*above, id(node)))
            for name, child in (below.items() if isinstance(below, dict) else ())
            if _is_module(child) and id(child) not in above and len(above) < _LEVELS
        ]
        todo += inner[::-1]


def _has_tensors(module: StandIn) -> bool:
    """Whether one of the first modules in it has a parameter."""
    for _, node in islice(_modules(module), 100):
        held = node.attributes()["_parameters"]
        if any(isinstance(value, Tensor) for value in held.values()):
            return True
    return False


def _sorted_out(mapping: Mapping[Any, Any]) -> tuple[dict[str, Any], dict[Any, Any], list[str]]:
    """Tensors; what stands beside them and is skipped; and what a state_dict cannot have."""
    tensors: dict[str, Any] = {}
    skipped: dict[Any, Any] = {}
    problems = []
    for name, value in mapping.items():
        if isinstance(value, Unreadable):
            problems.append(f"{name!r:.80}: the tensor {value.why}")
        elif isinstance(value, PickledArray) and value.array is not None and isinstance(name, str):
            if value.is_scalar:
                skipped[name] = value
            elif value.array.dtype.name in DTYPES:
                tensors[name] = value
            else:
                problems.append(
                    f"{name!r:.80}: torch and JAX do not both have the dtype {value.array.dtype.name}"
                )
        elif isinstance(value, Tensor) and isinstance(name, str):
            tensors[name] = value
        elif isinstance(value, Tensor) or (not isinstance(name, str) and not isinstance(value, _PLAIN)):
            shown = repr(name)[:80] if isinstance(name, int | float | bytes) else _described(name)
            problems.append(f"the key {shown} is not a str")
        else:
            skipped[name if isinstance(name, str) else _described(name)] = value
    return tensors, skipped, problems


def _found_below(content: Any) -> Iterator[str]:
    """The dotted keys of what looks like a state_dict, in breadth first; a pickle may have cycles."""
    seen: set[int] = set()
    queue: list[tuple[str, Any, int]] = [("", content, 0)]
    for name, node, depth in queue:
        if id(node) in seen or len(seen) > 20_000:
            continue
        seen.add(id(node))
        if _is_module(node):
            if _has_tensors(node):
                yield name
            continue
        mapping = as_mapping(node)
        if mapping:
            tensors, _, problems = _sorted_out(mapping)
            if not problems and 2 * len(tensors) > len(mapping):
                yield name
                continue
        is_optimizer = mapping is not None and "param_groups" in mapping
        if depth < _DEEP and not is_optimizer:
            below = children(node)
            queue += [(f"{name}.{key}" if name else key, child, depth + 1) for key, child in below.items()]


def _hint(content: Any) -> str:
    names = [name for name in _found_below(content) if name and len(name) < 200]
    if not names:
        return ""
    more = f" and {len(names) - _OFFERED} more" if len(names) > _OFFERED else ""
    return f"; it holds state_dicts under {', '.join(f'key={n!r}' for n in names[:_OFFERED])}{more}"


def _described(value: Any) -> str:
    """A short name of what it is; never its text, which may be without an end."""
    if isinstance(value, StandIn | Foreign):
        return f"{value.name} (not imported)"
    names = {Tensor: "Tensor", Unreadable: "Tensor", Dict: "dict", PickledArray: "ndarray"}
    if isinstance(value, PickledArray) and value.is_scalar:
        return f"numpy {value.code}"
    if isinstance(value, PickledArray) and value.array is None:
        return f"ndarray of {value.code:.20}"
    return names.get(type(value), type(value).__name__)
