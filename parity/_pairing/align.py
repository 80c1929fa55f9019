"""Brings two networks together: layout, partners, weights, and what stands at each layer's border."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import torch

import jaxconv
from parity._flax import network as flax_network
from parity._flax import run as flax_run
from parity._flax.network import Border, Part
from parity._pairing.match import Matching, match
from parity._torch.network import Call
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
    shapes = tuple(y.shape for y in outputs)
    whole = flax_network.network(model)
    whole, found = _laid_out(whole, model, _ranks(module, inputs), inputs, shapes, layout)
    matching = match(module, [call.path for call in calls], found, whole, mapping)
    last = bool(whole.border.ranks)
    # Where both sides hold torch's own weight, there is nothing to permute.
    flat = {
        path: shape
        for path, shape in images(calls).items()
        if last and any(link.flax == "kernel" for link in matching.links.get(path, ()))
    }
    if convert is None:
        for path, shape in flat.items():
            matching = _as_it_lies(module, whole, matching, path, shape)
    else:
        for path, shape in flat.items():
            ways = matching.with_flattened(path, shape), matching
            matching = min(ways, key=lambda way: _distance(module, whole, way, convert, inputs, outputs))
        whole, module = _carried(module, whole, matching, convert)
    found = flax_network.layers(model, whole, inputs)
    first = {call.path: call for call in reversed(calls)}
    parts = {}
    for path, other in matching.layers.items():
        used = any("channels first" in link.how for link in matching.links[path])
        border = _border(first[path], last, flat[path] if used else None) if path in first else Border()
        if other in found:
            parts[path] = replace(found[other], links=matching.links[path], border=border)
    return Pair(module, replace(whole, links=tuple(matching.all())), parts, matching)


def _ranks(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> tuple[int, ...]:
    """How many dimensions the network's images have."""
    spatial = {
        int(name[-2]) + 2
        for m in module.modules()
        if (name := type(m).__name__)[-1:] == "d" and name[-2:-1] in "123"
    }
    return tuple(sorted(spatial or {x.ndim for x in inputs if x.ndim > 3}))


def _is_flax_s_own(part: Part) -> bool:
    """Whether it is a convolution or pooling of Flax itself, which has channels last."""
    origin, kind = type(part.module).__module__, type(part.module).__name__
    return origin.startswith("flax.") and "Conv" in kind


def _is_ours(part: Part) -> bool:
    return type(part.module).__module__.startswith("jaxconv.") and hasattr(part.module, "ndim")


def _laid_out(
    whole: Part,
    model: Any,
    ranks: tuple[int, ...],
    inputs: Sequence[np.ndarray],
    shapes: tuple[tuple[int, ...], ...],
    layout: str | None,
) -> tuple[Part, dict[str, Part]]:
    """The network with its border, and its modules."""
    first = replace(whole, border=Border(outputs=shapes))
    last = replace(whole, border=Border(ranks=ranks, outputs=shapes))
    if layout is not None:
        chosen = first if layout == "NCHW" else last
        return chosen, flax_network.layers(model, chosen, inputs)
    found = flax_network.layers(model, first, inputs)
    if not any(map(_is_flax_s_own, found.values())):
        return first, found
    found = flax_network.layers(model, last, inputs)
    if not any(map(_is_ours, found.values())):
        return last, found
    # A mixture: whichever runs, and gives torch's shapes.
    for candidate in (last, first):
        try:
            if flax_run.shapes(candidate, inputs) == list(shapes):
                return candidate, flax_network.layers(model, candidate, inputs)
        except Exception:
            continue
    return last, found


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
    return Border(ranks=tuple(sorted(ranks)), outputs=outputs)


def images(calls: Sequence[Call]) -> dict[str, tuple[int, ...]]:
    """The dense layers that are given an image, flattened, and its shape (C, *size)."""
    found: dict[str, tuple[int, ...]] = {}
    shape: tuple[int, ...] = ()
    for call in calls:
        given = call.args[0] if call.args else None
        flat = given.shape[1] if isinstance(given, np.ndarray) and given.ndim == 2 else None
        is_image = len(shape) > 2 and np.prod(shape[1:]) == flat and np.prod(shape[2:]) > 1
        if isinstance(call.module, torch.nn.Linear) and is_image:
            found[call.path] = shape[1:]
        if call.outputs and len(call.outputs[0][0]) > 2:
            shape = call.outputs[0][0]
    return found


def _carried(
    module: torch.nn.Module, whole: Part, matching: Matching, convert: str
) -> tuple[Part, torch.nn.Module]:
    if convert == "to_flax":
        state = {name: to_numpy(t) for name, t in module.state_dict().items()}
        held = whole.arrays()
        if set(held) == set(state):  # as in torch, with torch's errors
            return (whole.with_weights(dict(module.state_dict())) if held else whole), module
        return whole.with_weights({**held, **matching.to_flax(state)}) if held else whole, module
    ours = {name: np.asarray(a) for name, a in whole.arrays().items()}
    tensors = jaxconv.to_torch(ours) if set(ours) == set(module.state_dict()) else None
    if tensors is None:
        tensors = {name: from_numpy(a) for name, a in matching.to_torch(ours).items()}
        tensors = {**module.state_dict(), **tensors}
    module.load_state_dict(tensors)
    return whole, module


def _distance(
    module: torch.nn.Module,
    whole: Part,
    matching: Matching,
    convert: str,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
) -> float:
    """How far the Flax network is from torch's with the weights carried over in this way."""
    state = {name: to_numpy(t) for name, t in module.state_dict().items()}
    if convert == "to_torch":  # the same question, asked of the way back
        state = {**state, **matching.to_torch({n: np.asarray(a) for n, a in whole.arrays().items()})}
        own = {name: from_numpy(np.ascontiguousarray(a)) for name, a in state.items()}
        with torch.no_grad():
            theirs = torch.func.functional_call(module, own, tuple(map(from_numpy, inputs)))
        outputs = [to_numpy(y) for y in jax.tree.leaves(theirs)]
    else:
        whole = whole.with_weights({**whole.arrays(), **matching.to_flax(state)})
    try:
        ours = flax_run.forward(whole, inputs)
        return float(
            sum(np.square(a.astype(np.float64) - b).sum() for a, b in zip(ours, outputs, strict=True))
        )
    except Exception:
        return np.inf


def _as_it_lies(
    module: torch.nn.Module, whole: Part, matching: Matching, path: str, shape: tuple[int, ...]
) -> Matching:
    """With weights of their own, the way in which they are equal; if in neither, as a right port would have them."""
    weight = to_numpy(dict(module.named_parameters())[f"{path}.weight" if path else "weight"])
    kernel = np.asarray(whole.arrays()[".".join(filter(None, (matching.layers[path], "kernel")))])
    (link,) = (link for link in matching.links[path] if link.torch == "weight")
    return matching if np.array_equal(link.to_torch(kernel), weight) else matching.with_flattened(path, shape)
