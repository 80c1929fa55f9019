"""Arrays that hold together what several of torch's hold: stacked, packed, split, folded."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np
import torch

from parity._flax.layout import Group, Link
from parity._pairing.match import Holder, Matching, join
from parity._pairing.weights import torch_s, ways
from parity._torch.tensors import to_numpy

Holders = Mapping[str, Holder]
Layers = Mapping[str, torch.nn.Module]
Rule = Callable[[Matching, torch.nn.Module, Layers, Holders], Matching]
"""(so far, torch's network, its layers and the Flax network's that have no partner yet) -> with more groups."""


def group(
    module: torch.nn.Module,
    torch_names: Sequence[str],
    flax_names: Sequence[str],
    to_flax: Callable[..., Sequence[Any]],
    how: str,
    computed: bool = False,
) -> Group:
    """Arrays of these full names on both sides; `computed` where they are more than rearranged."""
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    values = tuple(to_numpy(tensors[name]) for name in torch_names)
    parameters = frozenset(name for name in torch_names if isinstance(tensors[name], torch.nn.Parameter))
    return Group(
        tuple(torch_names), tuple(flax_names), to_flax, how, tuple(v.shape for v in values), parameters,
        values if computed else None,
    )  # fmt: skip


def with_groups(matching: Matching, layers: Mapping[str, str], new: Sequence[Group]) -> Matching:
    """The same with more groups, in which these torch layers are held."""
    known = {
        **matching.layers,
        **{path: other for path, other in layers.items() if path not in matching.layers},
    }
    links = {**matching.links, **dict.fromkeys(layers, ())}
    return replace(matching, layers=known, links=links, groups=(*matching.groups, *new))


def stacked(matching: Matching, module: torch.nn.Module, theirs: Layers, ours: Holders) -> Matching:
    """`scan` over layers: arrays of L layers in one, along a first axis."""
    left = dict(theirs)
    for other, holder in ours.items():
        lengths = {shape[0] if shape else 0 for shape in holder.shapes.values()}
        if len(lengths) != 1 or (length := lengths.pop()) < 1:
            continue
        slices = {name: shape[1:] for name, shape in holder.shapes.items()}
        alike: dict[str, list[tuple[str, tuple[Link, ...]]]] = {}
        for path, layer in left.items():
            if found := ways(layer, holder.module, slices):
                alike.setdefault(re.sub(r"\d+", "*", path), []).append((path, found[0]))
        several = next((found for found in alike.values() if len(found) == length), None)
        if several is None:
            continue
        new = []
        for links in zip(*(links for _, links in several), strict=True):
            names = [join(path, link.torch) for (path, _), link in zip(several, links, strict=True)]

            def stack(*arrays: Any, links: Sequence[Link] = links) -> tuple[Any, ...]:
                return (jnp.stack([link.to_flax(a) for link, a in zip(links, arrays, strict=True)]),)

            how = f"stacked along a first axis, each {links[0].how}"
            new.append(group(module, names, [join(other, links[0].flax)], stack, how))
        matching = with_groups(matching, {path: other for path, _ in several}, new)
        left = {path: layer for path, layer in left.items() if path not in matching.layers}
    return matching


def _query_key_value(paths: Sequence[str]) -> list[str]:
    """Three of the siblings, in this order: as their names say, else the first three as they stand."""
    starts = {path.rpartition(".")[2].lower()[:1]: path for path in reversed(paths)}
    return [starts[r] for r in "qkv"] if set("qkv") <= set(starts) else list(paths[:3])


def split(matching: Matching, module: torch.nn.Module, theirs: Layers, ours: Holders) -> Matching:
    """Query, key and value in one matrix of torch's, and in three dense layers of the Flax network's."""
    packed: dict[str, tuple[tuple[str, ...], str]] = {}
    for path, layer in theirs.items():
        thirds = isinstance(layer, torch.nn.Linear) and layer.out_features % 3 == 0
        if thirds and not any(ways(layer, *holder) for holder in ours.values()):
            packed[path] = ("weight",), "bias"
    for path, layer in module.named_modules():
        if isinstance(
            layer, torch.nn.MultiheadAttention
        ):  # with kdim or vdim it has three matrices and one bias
            three = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
            packed[path] = three if layer.in_proj_weight is None else ("in_proj_weight",), "in_proj_bias"
    families: dict[str, list[str]] = {}
    for other, holder in ours.items():
        if {torch_s(name) for name in holder.shapes} <= {"weight", "bias"}:
            families.setdefault(other.rpartition(".")[0], []).append(other)
    for path, (weights, bias) in packed.items():
        numbers = [module.get_parameter(join(path, name)).numel() for name in weights]
        sizes = numbers if len(numbers) == 3 else [numbers[0] // 3] * 3
        for family in families.values():
            trio = _query_key_value([o for o in family if _size(ours[o], "weight") in sizes])
            if [_size(ours[o], "weight") for o in trio] != sizes:
                continue
            own = [(o, _own(ours[o], "weight")) for o in trio]
            # Each matrix of torch's with its share of the three.
            shares = zip(weights, [own] if len(weights) == 1 else [[place] for place in own], strict=True)
            new = [_split(module, join(path, name), share, ours) for name, share in shares]
            held = getattr(module.get_submodule(path), bias)
            if held is not None and all(_size(ours[o], "bias") == held.numel() // 3 for o in trio):
                new.append(_split(module, join(path, bias), [(o, _own(ours[o], "bias")) for o in trio], ours))
            # torch calls no layer for a packed projection; a Linear of its own is held by the three.
            matching = with_groups(matching, {path: trio[0]} if path in theirs else {}, new)
            for other in trio:
                family.remove(other)
            break
    return matching


def _own(holder: Holder, name: str) -> str:
    return next(own for own in holder.shapes if torch_s(own) == name)


def _size(holder: Holder, name: str) -> int:
    return sum(int(np.prod(shape)) for own, shape in holder.shapes.items() if torch_s(own) == name)


def _split(module: torch.nn.Module, name: str, parts: Sequence[tuple[str, str]], ours: Holders) -> Group:
    shapes = [ours[other].shapes[own] for other, own in parts]
    matrix = module.get_parameter(name).ndim == 2

    def to_flax(packed: Any) -> tuple[Any, ...]:
        thirds = jnp.split(packed, len(parts))
        return tuple((t.T if matrix else t).reshape(s) for t, s in zip(thirds, shapes, strict=True))

    how = "split into query, key and value" + (", each transposed to (in, out)" if matrix else "")
    return group(module, [name], [join(other, own) for other, own in parts], to_flax, how)


def joined(matching: Matching, module: torch.nn.Module, theirs: Layers, ours: Holders) -> Matching:
    """Query, key and value in three Linear layers of torch's, and in one dense layer of the Flax network's."""
    families: dict[str, list[str]] = {}
    for path, layer in theirs.items():
        if isinstance(layer, torch.nn.Linear):
            families.setdefault(path.rpartition(".")[0], []).append(path)
    for other, holder in ours.items():
        if any(ways(layer, *holder) for layer in theirs.values()):
            continue
        for family in families.values():
            trio = _query_key_value(family)
            if len(trio) < 3 or "weight" not in {torch_s(name) for name in holder.shapes}:
                continue
            layers = [theirs[path] for path in trio]
            new = []
            for name in ("weight", "bias"):
                held = [getattr(layer, name) for layer in layers]
                if any(t is None for t in held) or _size(holder, name) != sum(t.numel() for t in held):
                    continue
                shape = holder.shapes[_own(holder, name)]

                def to_flax(*arrays: Any, shape: tuple[int, ...] = shape) -> tuple[Any, ...]:
                    return (jnp.concatenate(arrays).T.reshape(shape),)

                new.append(
                    group(
                        module,
                        [join(p, name) for p in trio],
                        [join(other, _own(holder, name))],
                        to_flax,
                        "joined",
                    )
                )
            if new and new[0].torch[0].endswith("weight"):
                matching = with_groups(matching, dict.fromkeys(trio, other), new)
                for path in trio:
                    family.remove(path)
                break
    return matching


_GATES = {torch.nn.LSTM: "ifgo", torch.nn.LSTMCell: "ifgo", torch.nn.GRU: "rzn", torch.nn.GRUCell: "rzn"}


def recurrent(matching: Matching, module: torch.nn.Module, theirs: Layers, ours: Holders) -> Matching:
    """Flax's cells hold a dense layer for each gate: 'ii' to 'io' of the input, 'hi' to 'ho' of the state."""
    cells: dict[str, dict[str, tuple[str, Holder]]] = {}
    for other, holder in ours.items():
        cell, _, gate = other.rpartition(".")
        cells.setdefault(cell, {})[gate.rstrip("_")] = other, holder  # `if` is no name of an attribute
    for path, layer in theirs.items():
        gates = next((gates for kind, gates in _GATES.items() if isinstance(layer, kind)), "")
        names = {f"{side}{gate}" for side in "ih" for gate in gates}
        for suffix in _suffixes(layer) if gates else ():
            shapes = {
                side: tuple(module.get_parameter(join(path, f"weight_{side}h{suffix}")).shape)
                for side in "ih"
            }
            fitting = [
                cell for cell, held in cells.items() if names <= set(held) and _fits(held, gates, shapes)
            ]
            fitting = fitting[:1]
            for cell in fitting:
                new = _cell(module, path, suffix, gates, cells.pop(cell))
                matching = with_groups(matching, {path: cell}, new)
    return matching


def _fits(held: Mapping[str, tuple[str, Holder]], gates: str, weights: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether each gate of a cell has the shape of its part of torch's weights."""
    return all(
        held[side + gate][1].shapes.get("kernel") == (columns, rows // len(gates))
        for side, (rows, columns) in weights.items()
        for gate in gates
    )


def _suffixes(layer: torch.nn.Module) -> list[str]:
    if not isinstance(layer, torch.nn.RNNBase):
        return [""]
    directions = ("", "_reverse")[: 2 if layer.bidirectional else 1]
    return [f"_l{i}{direction}" for i in range(layer.num_layers) for direction in directions]


def _cell(
    module: torch.nn.Module, path: str, suffix: str, gates: str, held: Mapping[str, tuple[str, Holder]]
) -> list[Group]:
    count = len(gates)

    def rows(w: Any) -> tuple[Any, ...]:
        return tuple(part.T for part in jnp.split(w, count))

    found = [
        group(
            module,
            [join(path, f"weight_{side}h{suffix}")],
            [f"{held[side + gate][0]}.kernel" for gate in gates],
            rows,
            "split into gates, each transposed to (in, out)",
        )
        for side in "ih"
    ]
    biases = [f"{side}{gate}" for gate in gates for side in "ih" if "bias" in held[side + gate][1].shapes]

    def sums(b_i: Any, b_h: Any) -> tuple[Any, ...]:
        i, h = jnp.split(b_i, count), jnp.split(b_h, count)
        both = [gate for gate in gates if {f"i{gate}", f"h{gate}"} <= set(biases)]
        return tuple(
            (i if name[0] == "i" else h)[gates.index(name[1])]
            if name[1] in both
            else i[gates.index(name[1])] + h[gates.index(name[1])]
            for name in biases
        )

    torch_names = [join(path, f"bias_{side}h{suffix}") for side in "ih"]
    if biases and all(name in dict(module.named_parameters()) for name in torch_names):
        names = [f"{held[name][0]}.bias" for name in biases]
        found.append(
            group(module, torch_names, names, sums, "the sum of both biases of each gate", computed=True)
        )
    return found


def folded(matching: Matching, module: torch.nn.Module, theirs: Layers, ours: Holders) -> Matching:
    """A BatchNorm in eval mode, multiplied into the convolution or dense layer before it."""
    paths = [path for path, _ in module.named_modules()]
    for path, norm in theirs.items():
        kind = type(norm).__name__
        if not kind.startswith("BatchNorm") or norm.training or norm.running_mean is None:
            continue
        before = [p for p in matching.layers if p in paths and paths.index(p) < paths.index(path)]
        before.sort(key=paths.index)
        conv = next(
            (p for p in reversed(before) if _channels(module.get_submodule(p)) == norm.num_features), None
        )
        if conv is None or any(conv in g.torch for g in matching.groups):
            continue
        links = {link.torch: link for link in matching.links[conv]}
        other = matching.layers[conv]
        bias = next((own for own in ours[other].shapes if torch_s(own) == "bias"), None)
        layer: Any = module.get_submodule(conv)
        # Transposed in groups, the outputs are not the weight's second axis.
        in_groups = hasattr(layer, "output_padding") and layer.groups > 1
        if "weight" not in links or bias is None or in_groups:
            continue
        matching = _folded(matching, module, conv, path, norm, links["weight"], join(other, bias))
    return matching


def _channels(layer: torch.nn.Module) -> int:
    return getattr(layer, "out_channels", getattr(layer, "out_features", 0))


def _folded(
    matching: Matching, module: torch.nn.Module, conv: str, path: str, norm: Any, link: Link, bias: str
) -> Matching:
    layer: Any = module.get_submodule(conv)
    transposed = isinstance(layer, torch.nn.modules.conv._ConvTransposeNd)

    names = [join(conv, name) for name in ("weight", "bias") if getattr(layer, name) is not None]
    parts = ("weight", "bias", "running_mean", "running_var")
    names += [join(path, name) for name in parts if getattr(norm, name) is not None]

    def fold(*arrays: Any) -> tuple[Any, ...]:
        held = dict(zip(names, arrays, strict=True))
        weight, bias = held[join(conv, "weight")], held.get(join(conv, "bias"), 0.0)
        scale = held.get(join(path, "weight"), 1.0) / (held[join(path, "running_var")] + norm.eps) ** 0.5
        shape = [-1 if i == (1 if transposed else 0) else 1 for i in range(weight.ndim)]
        shift = (bias - held[join(path, "running_mean")]) * scale + held.get(join(path, "bias"), 0.0)
        return link.to_flax(weight * scale.reshape(shape)), shift

    flax_names = [join(matching.layers[conv], link.flax), bias]
    new = group(module, names, flax_names, fold, f"{path!r} multiplied into it", computed=True)
    matching = with_groups(matching, {path: matching.layers[conv]}, [new])
    return replace(matching, links={**matching.links, conv: ()})


RULES: Sequence[Rule] = (stacked, split, joined, recurrent)
