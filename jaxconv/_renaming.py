"""The names in a checkpoint and the names in a model: how one becomes the other, and what would make them fit."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

Rename = Mapping[str, str] | Callable[[str], str | None]

_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "model")
"""What torch's wrappers put into the names of what they wrap."""

_OLD = {"gamma": "weight", "beta": "bias"}
"""Names of TensorFlow's, which older checkpoints have in their norms."""


class Renamed(dict[str, Any]):
    """A state_dict under other names, with torch's versions of its modules."""

    _metadata: dict[str, Any]


def renamed(mapping: Mapping[str, Any], prefix: str, rename: Rename | None) -> Mapping[str, Any]:
    """The values under the names that they have without `prefix` and after `rename`.

    Raises:
        ValueError: no name begins with `prefix`; two names become one.
        TypeError: `prefix` or `rename` is of another kind.
    """
    if not isinstance(prefix, str):
        raise TypeError(f"`prefix` (={prefix!r}) must be a str, such as 'module.'")
    if not (rename is None or callable(rename) or isinstance(rename, Mapping)):
        raise TypeError(f"`rename` must be a dict or a function, got {type(rename).__name__}")
    if not prefix and rename is None:
        return mapping
    new = Renamed()
    origin: dict[str, str] = {}
    clashes = []
    for name, value in mapping.items():
        changed = _new_name(name, prefix, rename)
        if changed is None:
            continue
        if changed in new:
            clashes.append(f'"{origin[changed]}" and "{name}" both become "{changed}"')
        new[changed], origin[changed] = value, name
    if clashes:
        raise ValueError(f"`rename` maps several names to one: {'; '.join(clashes[:10])}")
    if mapping and not new:
        raise ValueError(
            f"`prefix` (={prefix!r}): no name begins with it; the first is {next(iter(mapping))!r}"
        )
    # A module's name becomes another as its parameters' do.
    modules = getattr(mapping, "_metadata", {}).items()
    found = {_new_name(f"{name}.x".lstrip("."), prefix, rename): entry for name, entry in modules}
    new._metadata = {
        name.removesuffix("x").removesuffix("."): e
        for name, e in found.items()
        if name and name.endswith("x")
    }
    return new


def _new_name(name: str, prefix: str, rename: Rename | None) -> str | None:
    if not name.startswith(prefix):
        return None
    name = name[len(prefix) :]
    if callable(rename):
        return rename(name)
    return _replaced(name, rename) if rename else name


def _replaced(name: str, rename: Mapping[str, str]) -> str:
    """Whole components only: 'beta' is not in 'betas.weight'."""
    parts = name.split(".")
    for old, new in rename.items():
        run, into = old.split("."), new.split(".") if new else []
        i = 0
        while i + len(run) <= len(parts):
            if parts[i : i + len(run)] == run:
                parts[i : i + len(run)] = into
                i += len(into)
            else:
                i += 1
    return ".".join(parts)


def advice(names: Collection[str], required: Collection[str], known: Collection[str]) -> str | None:
    """One line for the user: the arguments of `load_state_dict` that make a checkpoint's names a model's.

    Args:
        names: the checkpoint's.
        required: the names that the model cannot do without; `known`, all that it has.

    Returns:
        None if no arguments map at least half of the names, and more than are there already.
    """
    best, given = len({*names} & {*required}), ""
    for rename in _renames(names):
        by_new = {_replaced(name, rename): name for name in names}
        for prefix in _prefixes(by_new, required):
            # The prefix goes first, as in `renamed`.
            cut = {_replaced(n.removeprefix(prefix), rename) for n in names if n.startswith(prefix)}
            fitting = len(cut.intersection(required))
            if fitting > best:
                best = fitting
                parts = [f'prefix="{prefix}"'] if prefix else []
                parts += [f"rename={dict(rename)!r}".replace("'", '"')] if rename else []
                given = ", ".join(parts)
    first = next(iter(required), "")
    last = next((name for name in names if first.endswith(f".{name}")), None)
    if not given and last is not None:
        prefix = first.removesuffix(last)
        if all(f"{prefix}{name}" in known for name in names):
            best, given = len(names), f'rename=lambda name: f"{prefix}{{name}}"'
    if not given or 2 * best < len(required):
        return None
    count = "The" if best == len(required) else f"{best} of {len(required)}"
    return f"{count} names fit if you write: load_state_dict(model, state_dict, {given})"


def linen_s_own(missing: Collection[str], unexpected: Collection[str]) -> str | None:
    """One line for the user where Linen has named layers itself: those of a plain list, and those without a name.

    Args:
        missing: the model's names that a checkpoint lacks.
        unexpected: the checkpoint's names that the model lacks.
    """
    counts: dict[str, int] = {}
    for name in missing:
        # "blocks.f_0.weight" of Linen's is "blocks.f.0.weight" of torch's.
        if (found := _NUMBERED.match(name)) and f"{found[1]}.{found[2]}.{found[3]}" in unexpected:
            counts[found[1]] = max(counts.get(found[1], 0), int(found[2]) + 1)
    if counts:
        first = next(iter(counts))
        renames = [
            f'{{f"{path}.{{i}}": f"{path}_{{i}}" for i in range({count})}}' for path, count in counts.items()
        ]
        return (
            f'Linen calls the layers of a plain list "{first}_0", torch "{first}.0": hold them in '
            "jaxconv.linen.ModuleList([...]), or write: "
            f"load_state_dict(model, state_dict, rename={' | '.join(renames)})"
        )
    unnamed = next((found[0] for name in missing if (found := _UNNAMED.search(name))), None)
    if unnamed is None:
        return None
    kind = unnamed.rpartition("_")[0]
    return (
        f'Linen calls layers without a name "{unnamed}": give them torch\'s names, as '
        f'{kind}(..., name="conv1"), or make them attributes in `setup`'
    )


_NUMBERED = re.compile(r"(.*[^_.])_(\d+)\.(.+)")
_UNNAMED = re.compile(r"\b[A-Z]\w*_\d+(?=\.)")


def _renames(names: Collection[str]) -> Iterator[Mapping[str, str]]:
    """From nothing to everything that may have been put in, or was called otherwise."""
    parts = {part for name in names for part in name.split(".")}
    wrappers = [word for word in _WRAPPERS if word in parts]
    old = {a: b for a, b in _OLD.items() if a in parts}
    removals: list[dict[str, str]] = [{}, *({word: ""} for word in wrappers)]
    if len(wrappers) > 1:
        removals.append(dict.fromkeys(wrappers, ""))
    yield from removals
    if old:
        yield from (old | removal for removal in removals)


def _prefixes(names: Collection[str], required: Collection[str]) -> list[str]:
    """What stands before the model's names, the shortest first."""
    known = list(required)
    ends = {""}
    for name in dict.fromkeys([*known[:4], *known[-2:]]):
        ends |= {other.removesuffix(name) for other in names if other.endswith(f".{name}")}
    return sorted(ends, key=lambda end: (len(end), end))[:20]
