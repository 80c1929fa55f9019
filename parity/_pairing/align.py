"""Brings two networks together: layout, partners, weights, and what stands at each layer's border."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

import jaxconv
from parity._flax import network as flax_network
from parity._flax import run as flax_run
from parity._flax.network import Border, Part
from parity._pairing import choices
from parity._pairing.choices import Fit
from parity._pairing.leftovers import complete
from parity._pairing.match import Matching, holders, match
from parity._pairing.weights import torch_s
from parity._torch.network import Call, inexact
from parity._torch.tensors import from_numpy, to_numpy

# torch's layers whose channels are second; the others look at the last dimension or at every element.
_CHANNELS_FIRST = (
    "Conv", "LazyConv", "BatchNorm", "LazyBatchNorm", "SyncBatchNorm", "InstanceNorm", "GroupNorm", "LocalResponseNorm",
    "MaxPool", "AvgPool", "LPPool", "Adaptive", "FractionalMaxPool", "MaxUnpool", "Upsample", "UpsamplingBilinear",
    "UpsamplingNearest", "PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "ZeroPad", "ConstantPad", "ReflectionPad",
    "ReplicationPad", "CircularPad", "PReLU", "Softmax2d", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout",
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """Two networks, ready to be compared.

    Attributes:
        torch_module: with the weights that both get.
        whole: the Flax network, likewise.
        parts: the Flax layers by torch's paths.
        matching: what belongs to what.
    """

    torch_module: torch.nn.Module
    whole: Part
    parts: Mapping[str, Part]
    matching: Matching


def align(
    module: torch.nn.Module,
    calls: Sequence[Call],
    model: Any,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    convert: str | None,
    layout: str | None,
    mapping: Mapping[str, str] | None,
) -> Pair:
    """Finds partners, carries the weights over, and says what is to be transposed; arguments as of `parity.check`."""
    whole = flax_network.network(model, module.training)
    tried = []
    layouts = _layouts(whole, model, module, inputs, outputs, layout)
    for candidate, found in layouts:
        fit = Fit(module, candidate, inputs, inexact(list(outputs)), convert)
        matching = _matched(module, calls, found, candidate, mapping, fit)
        tried.append((fit.distance(matching) if len(layouts) > 1 else 0.0, candidate, matching))
        if tried[-1][0] <= choices.NEAR or convert is None:
            break
    _, whole, matching = choices.nearest(tried)
    into, out = ("last" if ranks else "first" for ranks in (whole.border.ranks, whole.border.turned))
    if into != out:
        note = f"taken as a network that is given images with channels {into} and returns them with channels {out}"
        whole = replace(whole, notes=(*whole.notes, note))
    if convert is not None:
        whole, module = _carried(module, whole, matching, convert)
    found = flax_network.layers(model, whole, inputs)
    last = bool(whole.border.ranks) or any(map(_is_flax_s_own, found.values()))
    flat = _flattened(calls, matching, last)
    first = {call.path: call for call in reversed(calls)}
    together = {name.rpartition(".")[0] for group in matching.groups for name in group.torch}
    parts = {}
    for path, other in matching.layers.items():
        if other not in found or path in together:
            continue
        used = any("channels first" in link.how for link in matching.links[path])
        border = _border(first[path], last, flat[path] if used else None) if path in first else Border()
        parts[path] = replace(found[other], links=matching.links[path], border=border)
    # A tree of arrays does not say which of them are buffers: torch's network does.
    buffers = {name for name, _ in module.named_buffers(remove_duplicate=False)}
    fixed = {link.flax for link in matching.all() if link.torch in buffers and not whole.knows_buffers}
    whole = replace(
        whole,
        links=tuple(matching.all()),
        groups=matching.groups,
        parameters=tuple(name for name in whole.parameters if name not in fixed),
    )
    return Pair(module, whole, parts, matching)


def _matched(
    module: torch.nn.Module,
    calls: Sequence[Call],
    found: Mapping[str, Part],
    whole: Part,
    mapping: Mapping[str, str] | None,
    fit: Fit,
) -> Matching:
    order = [call.path for call in calls]
    matching = match(module, order, found, whole, mapping)
    matching = complete(matching, module, order, holders(found, whole), whole, mapping)
    last = bool(whole.border.ranks) or any(map(_is_flax_s_own, found.values()))
    return choices.settled(matching, _flattened(calls, matching, last), fit)


def _flattened(calls: Sequence[Call], matching: Matching, last: bool) -> dict[str, tuple[int, ...]]:
    """The dense layers that a channels-last network may give an image in its own order."""
    # Where both sides hold torch's own weight, there is nothing to permute.
    return {
        path: shape
        for path, shape in images(calls).items()
        if last and any(torch_s(link.flax) == "weight" != link.flax for link in matching.links.get(path, ()))
    }


def _ranks(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> tuple[int, ...]:
    """How many dimensions the network's images have."""
    return tuple(sorted(spatial(module) or {x.ndim for x in inputs if x.ndim > 3}))


def spatial(module: torch.nn.Module) -> set[int]:
    """The dimensions of what torch's layers for images take."""
    return {
        int(name[-2]) + 2
        for m in module.modules()
        if (name := type(m).__name__)[-1:] == "d" and name[-2:-1] in "123"
    }


def _is_flax_s_own(part: Part) -> bool:
    """Whether it is a convolution or pooling of Flax itself, which has channels last."""
    origin, kind = type(part.module).__module__, type(part.module).__name__
    return origin.startswith("flax.") and "Conv" in kind


def _layouts(
    whole: Part,
    model: Any,
    module: torch.nn.Module,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    layout: str | None,
) -> list[tuple[Part, dict[str, Part]]]:
    """The network with each border that it may have, the most likely first, and its modules."""
    shapes, ranks = tuple(y.shape for y in outputs), _ranks(module, inputs)
    borders = [Border(r, turned, outputs=shapes) for r in ((), ranks) for turned in ((), ranks)]
    first, out, into, last = (replace(whole, border=border) for border in borders)
    if layout is not None:
        chosen = first if layout == "NCHW" else last
        return [(chosen, flax_network.layers(model, chosen, inputs))]
    # The last two transpose by themselves: on the way in, or on the way out.
    found = flax_network.layers(model, first, inputs)
    likely = [last, first] if any(map(_is_flax_s_own, found.values())) else [first, last]
    # Without a layer for images nothing says that an input is one: another layout could hide a wrong axis.
    if likely[0] is first and not spatial(module) and _way(first, ranks, inputs, inexact(list(outputs))):
        return [(first, found)]
    fitting: dict[Any, Part] = {}
    for candidate in (*likely, out, into):
        if way := _way(candidate, ranks, inputs, inexact(list(outputs))):
            fitting.setdefault(way, candidate)
    return [(c, flax_network.layers(model, c, inputs)) for c in fitting.values() or likely[:1]]


def _way(
    candidate: Part, ranks: tuple[int, ...], inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
) -> tuple[Any, ...]:
    """What is transposed, inputs and outputs; nothing at all if the network does not run or gives other shapes."""
    border = candidate.border
    try:
        given = flax_run.shapes(replace(candidate, border=replace(border, turned=())), inputs)
    except Exception:
        return ()
    moved = [(y[0], y[-1], *y[1:-1]) if len(y) in border.turned else y for y in given]
    if len(given) != len(outputs):
        return ()
    turned = []
    for as_it_is, other, y in zip(given, moved, outputs, strict=True):
        if y.shape not in (as_it_is, other):
            return ()
        turned.append(y.shape == other != as_it_is or (y.shape == other and len(other) in border.turned))
    return bool(border.ranks) and any(x.ndim in ranks for x in inputs), tuple(turned)


def _border(call: Call, last: bool, flat: tuple[int, ...] | None) -> Border:
    outputs = tuple(shape for shape, _ in call.outputs)
    kind = type(call.module)
    # Somebody's own module is taken to be like the network.
    if not last or (
        kind.__module__.startswith("torch.nn.") and not kind.__name__.startswith(_CHANNELS_FIRST)
    ):
        return Border(flat=flat, outputs=outputs)
    given = [a for a in call.args if isinstance(a, np.ndarray)]
    ranks = {a.ndim for a in given if a.ndim > 2} | {len(shape) for shape in outputs if len(shape) > 2}
    return Border(ranks=tuple(sorted(ranks)), turned=tuple(sorted(ranks)), outputs=outputs)


def images(calls: Sequence[Call]) -> dict[str, tuple[int, ...]]:
    """The dense layers that are given an image, flattened, and its shape (C, *size), or (C, positions)."""
    found: dict[str, tuple[int, ...]] = {}
    shape: tuple[int, ...] = ()
    for call in calls:
        given = call.args[0] if call.args else None
        flat = given.shape[1] if isinstance(given, np.ndarray) and given.ndim == 2 else None
        if isinstance(call.module, torch.nn.Linear) and flat and len(shape) > 2:
            if np.prod(shape[1:]) == flat and np.prod(shape[2:]) > 1:
                found[call.path] = shape[1:]
            elif flat % shape[1] == 0 and flat > shape[1] > 1:  # pooled by a function: its size is not known
                found[call.path] = shape[1], flat // shape[1]
        if call.outputs and len(call.outputs[0][0]) > 2:
            shape = call.outputs[0][0]
    return found


def _carried(
    module: torch.nn.Module, whole: Part, matching: Matching, convert: str
) -> tuple[Part, torch.nn.Module]:
    if convert == "to_flax":
        state = {name: to_numpy(t) for name, t in module.state_dict().items()}
        held = whole.arrays()
        if set(held) == set(state) and not matching.ways:  # as in torch, with torch's errors
            return (whole.with_weights(dict(module.state_dict())) if held else whole), module
        return whole.with_weights({**held, **matching.to_flax(state)}) if held else whole, module
    ours = {name: np.asarray(a) for name, a in whole.arrays().items()}
    tensors = jaxconv.to_torch(ours) if set(ours) == set(module.state_dict()) and not matching.ways else None
    if tensors is None:
        tensors = {name: from_numpy(a) for name, a in matching.to_torch(ours).items()}
        tensors = {**module.state_dict(), **tensors}
    module.load_state_dict(tensors)
    return whole, module
