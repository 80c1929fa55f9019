"""Which Flax layer is which torch layer: by name, then by kind, order and shape; and the ledger of all tensors."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

import jaxconv
from parity._flax.layout import Link, flattened
from parity._flax.network import Part
from parity._pairing.weights import links


@dataclass(frozen=True)
class Entry:
    """A tensor's line in the ledger: its full names on both sides (None where it is missing) and how it is laid out."""

    torch: str | None
    flax: str | None
    how: str


@dataclass(frozen=True)
class Matching:
    """What belongs to what.

    Attributes:
        layers: torch's path -> the Flax path.
        links: torch's path -> how the arrays of the two layers correspond.
        loose: arrays outside of layers, by full names.
        missing: torch's tensors without a partner, by full name.
        extra: the Flax network's.
    """

    layers: Mapping[str, str]
    links: Mapping[str, tuple[Link, ...]]
    loose: tuple[Link, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def all(self) -> list[Link]:
        """Every correspondence, by full names."""
        return [
            replace(link, torch=_join(path, link.torch), flax=_join(self.layers[path], link.flax))
            for path, found in self.links.items()
            for link in found
        ] + list(self.loose)

    @property
    def ledger(self) -> tuple[Entry, ...]:
        """Every tensor of both sides."""
        entries = [Entry(link.torch, link.flax, link.how) for link in self.all()]
        entries += [Entry(name, None, "no partner") for name in self.missing]
        return (*entries, *(Entry(None, name, "no partner") for name in self.extra))

    def to_flax(self, state: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """torch's arrays under the Flax names, in the Flax layout."""
        return {link.flax: link.to_flax(state[link.torch]) for link in self.all() if link.torch in state}

    def to_torch(self, held: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The Flax network's arrays under torch's names, in torch's layout."""
        return {link.torch: link.to_torch(held[link.flax]) for link in self.all() if link.flax in held}

    def with_flattened(self, path: str, shape: tuple[int, ...]) -> "Matching":
        """The same where a dense layer's inputs are an image that each side flattens in its own layout."""
        new = tuple(flattened(x, shape) if x.torch == "weight" else x for x in self.links[path])
        return replace(self, links={**self.links, path: new})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _normal(path: str) -> str:
    """Names as people write them twice: 'layer1.0.conv1', 'layer1_0.conv1' and 'layer1.layers_0.Conv1' are one."""
    words = [w for w in re.split(r"[._/]", path.lower()) if w and w != "layers"]
    return "_".join(words)


def shapes(part: Part) -> dict[str, tuple[int, ...]]:
    """The shapes of what a part itself holds, by name, without its child modules'."""
    return {name: tuple(np.shape(a)) for name, a in part.arrays().items() if "." not in name}


def match(
    module: torch.nn.Module,
    order: Sequence[str],
    parts: Mapping[str, Part],
    whole: Part,
    mapping: Mapping[str, str] | None = None,
) -> Matching:
    """Finds every torch layer's partner.

    Args:
        module: torch's network.
        order: the paths of its layers in the order of their calls.
        parts: the Flax network's modules by path.
        whole: the Flax network.
        mapping: torch's path -> the Flax path, where names differ and order would mislead.

    Raises:
        ValueError: `mapping` names a layer that is not there, or two that cannot be the same: all at once.
    """
    theirs = {name: m for name, m in module.named_modules(remove_duplicate=False) if not list(m.children())}
    theirs = {name: theirs[name] for name in dict.fromkeys([*order, *theirs]) if name in theirs}
    layers: dict[str, str] = {}
    found: dict[str, tuple[Link, ...]] = {}
    problems = []

    def links_of(path: str, other: str) -> tuple[Link, ...] | None:
        return links(theirs[path], parts[other].module, shapes(parts[other]))

    def take(path: str, other: str) -> bool:
        pair = links_of(path, other)
        if pair is None:
            return False
        layers[path], found[path] = other, pair
        return True

    for path, other in (mapping or {}).items():
        if path not in theirs:
            problems.append(f"torch has no layer {path!r}")
        elif other not in parts:
            problems.append(f"the Flax network has no layer {other!r}")
        elif not take(path, other):
            problems.append(f"{path!r} and {other!r} do not hold the same arrays")
    if problems:
        known = f"torch's layers: {', '.join(theirs)}; the Flax network's: {', '.join(p for p in parts if p)}"
        raise ValueError(f"`mapping`: {'; '.join(problems)} ({known})")
    for path in theirs:
        if path in parts and path not in layers:
            take(path, path)
    by_name: dict[str, list[str]] = {}
    for other in parts:
        by_name.setdefault(_normal(other), []).append(other)
    for path in theirs:
        same = by_name.get(_normal(path), [])
        if path not in layers and len(same) == 1 and same[0] not in layers.values():
            take(path, same[0])
    _by_order(theirs, parts, layers, links_of, take)
    return _account(module, theirs, layers, found, whole)


def _by_order(theirs, parts, layers, links_of, take) -> None:  # type: ignore[no-untyped-def]
    """What names do not tell: the first Flax layer left that holds the same arrays, in the order of the calls."""
    left = [other for other, part in parts.items() if other not in layers.values() and shapes(part)]
    for path, layer in theirs.items():
        if path in layers or not any(True for _ in layer.parameters()):
            continue
        other = next((other for other in left if links_of(path, other)), None)
        if other is not None and take(path, other):
            left.remove(other)


def _account(
    module: torch.nn.Module,
    theirs: Mapping[str, torch.nn.Module],
    layers: dict[str, str],
    found: dict[str, tuple[Link, ...]],
    whole: Part,
) -> Matching:
    """The tensors outside of layers, and those that are left."""
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    saved = set(module.state_dict())
    ours = {name: tuple(np.shape(a)) for name, a in whole.arrays().items()}
    so_far = Matching(layers, found, (), (), ())
    done = {link.torch for link in so_far.all()}
    used = {link.flax for link in so_far.all()}
    missing = [
        name
        for name in tensors
        if name not in done and name in saved and not name.endswith("num_batches_tracked")
    ]
    extra = [name for name in ours if name not in used]
    loose = []
    for same in (lambda a, b: a == b, lambda a, b: _normal(a) == _normal(b)):
        for name in list(missing):
            shape = tuple(tensors[name].shape)
            other = next((o for o in extra if same(name, o) and np.prod(ours[o]) == np.prod(shape)), None)
            if other is not None:
                loose.append(_loose(name, other, shape, ours[other]))
                missing.remove(name)
                extra.remove(other)
    return Matching(layers, found, tuple(loose), tuple(missing), tuple(extra))


def _loose(name: str, other: str, shape: tuple[int, ...], mine: tuple[int, ...]) -> Link:
    how = "as it is" if shape == mine else f"reshaped to {mine}"
    return Link(name, other, lambda x: x.reshape(mine), lambda x: x.reshape(shape), how)


def weights(part: Part) -> dict[str, np.ndarray]:
    """What the Flax network holds, by its own names."""
    return {name: np.asarray(a) for name, a in jaxconv.state_dict(part.tree).items()}
