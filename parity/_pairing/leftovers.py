"""The tensors that are left when layers have their partners: held together, folded, or outside of layers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from parity._flax.layout import Link
from parity._flax.network import Part
from parity._pairing import groups
from parity._pairing.kernels import Shape, arrangements, reshaped
from parity._pairing.match import Holder, Matching, by_order, join, normal, torch_layers
from parity._pairing.weights import torch_s


def complete(
    matching: Matching,
    module: torch.nn.Module,
    order: Sequence[str],
    ours: Mapping[str, Holder],
    whole: Part,
    mapping: Mapping[str, str] | None = None,
) -> Matching:
    """The same with groups, layers found by order, and loose arrays; what is left after that is missing or extra.

    Args:
        matching: of the layers that names tell.
        module: torch's network.
        order: the paths of its layers in the order of their calls.
        ours: what may be a layer's partner, by path.
        whole: the Flax network.
        mapping: as of `parity.check`.

    Raises:
        ValueError: `mapping` names a parameter whose layer has another partner, or one of another size.
    """
    theirs = torch_layers(module, order)
    arrays = {name: tuple(np.shape(a)) for name, a in whole.arrays().items()}
    for rule in groups.RULES:
        matching = rule(matching, module, *_left(matching, theirs, ours))
    matching = by_order(matching, *_left(matching, theirs, ours))
    matching = groups.folded(matching, module, _left(matching, theirs, ours)[0], ours)
    matching = _loose(matching, module, arrays, mapping or {})
    partners: dict[str, tuple[str, ...]] = {link.torch: (link.flax,) for link in matching.all()}
    partners |= {name: group.flax for group in matching.groups for name in group.torch}
    for name, other in (mapping or {}).items():
        found = partners.get(name, ())
        if name not in theirs and other not in found:
            raise ValueError(
                f"`mapping`: {name!r} cannot be {other!r}: "
                + (
                    f"its layer's partner holds {', '.join(found)}; map the layer"
                    if found
                    else "their sizes differ"
                )
            )
    return matching


def _left(
    matching: Matching, theirs: Mapping[str, torch.nn.Module], ours: Mapping[str, Holder]
) -> tuple[dict[str, torch.nn.Module], dict[str, Holder]]:
    """The layers of both sides that have no partner yet."""
    used = {link.flax for link in matching.all()} | {n for g in matching.groups for n in g.flax}
    left = {
        path: holder
        for path, holder in ours.items()
        if holder.shapes and not any(join(path, name) in used for name in holder.shapes)
    }
    return {path: m for path, m in theirs.items() if path not in matching.layers}, left


def _loose(
    matching: Matching, module: torch.nn.Module, ours: Mapping[str, Shape], mapping: Mapping[str, str]
) -> Matching:
    """Arrays outside of layers have partners by `mapping`, by name, or else by shape."""
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    saved = set(module.state_dict())
    done = {link.torch for link in matching.all()} | {n for g in matching.groups for n in g.torch}
    used = {link.flax for link in matching.all()} | {n for g in matching.groups for n in g.flax}
    missing = [
        name
        for name in tensors
        if name not in done and name in saved and not name.endswith("num_batches_tracked")
    ]
    extra = [name for name in ours if name not in used]
    loose: list[Link] = []
    several: dict[str, Sequence[tuple[Link, ...]]] = {}
    tests = (
        lambda a, b: mapping.get(a) == b,
        lambda a, b: a not in mapping and a == b,
        lambda a, b: a not in mapping and _normal(a) == _normal(b),
        lambda a, b: a not in mapping and ours[b] == tuple(tensors[a].shape),
        lambda a, b: a not in mapping,
    )
    for same in tests:
        for name in list(missing):
            shape = tuple(tensors[name].shape)
            for other in extra:
                links = _links(module, name, shape, other, ours[other]) if same(name, other) else []
                if links:
                    found = [replace(link, torch=name, flax=other) for link in links]
                    loose.append(found[0])
                    if len(found) > 1:
                        several[name] = [(link,) for link in found]
                    missing.remove(name)
                    extra.remove(other)
                    break
    return replace(
        matching,
        loose=tuple(loose),
        missing=tuple(missing),
        extra=tuple(extra),
        ways={**matching.ways, **several},
    )


def _links(module: torch.nn.Module, name: str, theirs: Shape, other: str, ours: Shape) -> Iterable[Link]:
    path, _, own = name.replace(".parametrizations.weight.", ".weight_").rpartition(".")
    if np.prod(theirs) != np.prod(ours):
        return []
    if len(theirs) > 1 and own.startswith("weight"):
        found = arrangements(module.get_submodule(path), None, theirs, ours, other)
        if found:
            return found
    if len(theirs) == 2 and ours == theirs[::-1]:
        return arrangements(None, None, theirs, ours, other)
    return [reshaped(theirs, ours)]


def _normal(name: str) -> str:
    """A tensor's name as people write it twice: 'conv1.weight', 'conv1_kernel' and 'Conv1/w' are one."""
    *words, last = normal(name).split("_")
    return "_".join([*words, torch_s(last)])
