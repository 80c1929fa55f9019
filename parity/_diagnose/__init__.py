"""Why two layers differ: torch's layer with a mistake made on purpose, until it computes what the Flax layer does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from parity._bounds import rounding
from parity._bounds.tolerance import Arithmetic
from parity._diagnose import convolutions, network, others
from parity._diagnose.hypothesis import Diagnosis as Diagnosis
from parity._diagnose.hypothesis import Hypothesis
from parity._diagnose.shape import describe
from parity._flax.network import Part
from parity._judge import returned
from parity._judge.end_to_end import Whole
from parity._judge.layer import JudgedLayer
from parity._pairing.match import Matching
from parity._torch import network as torch_network
from parity._torch.network import Call
from parity._torch.original import rms
from parity._torch.tensors import from_numpy, to_numpy

_KINDS: dict[str, Callable[[Any], Iterator[Hypothesis]]] = {
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), convolutions.conv),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), convolutions.conv_transpose),
    "Linear": convolutions.linear,
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), convolutions.pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d"), convolutions.pool),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"), others.batch_norm),
    "GroupNorm": others.group_norm,
    **dict.fromkeys(("LayerNorm", "RMSNorm"), others.layer_norm),
    **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin"), others.softmax),
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"), others.upsample),
    **dict.fromkeys(
        (
            "ReLU",
            "ReLU6",
            "GELU",
            "SiLU",
            "LeakyReLU",
            "ELU",
            "SELU",
            "CELU",
            "Hardswish",
            "Hardsigmoid",
            "Sigmoid",
        ),
        others.activation,
    ),
    **dict.fromkeys(("Tanh", "Softplus", "Mish", "Identity", "Hardtanh"), others.activation),
}


def layer(judged: JudgedLayer, image: tuple[int, ...] | None) -> Diagnosis:
    """The cause of a layer's difference.

    Args:
        judged: the layer, its results and the limits that it was judged by.
        image: the shape (C, *size) of what the layer is given flattened, if it is.
    """
    run, part = judged.run, judged.part
    call, cotangents, wanted = run.call, run.cotangents, run.wide
    if _draws(call.module):
        return Diagnosis(
            call.name,
            "dropout.active",
            "torch's layer draws at random, so that no two runs are the same: compare both in eval mode",
        )
    if judged.refusal is not None:
        reason = str(judged.refusal).partition("\n")[0]
        return Diagnosis(call.name, "refused", f"the Flax layer does not take torch's input: {reason}")
    ours = judged.ours
    if text := returned.difference(ours, wanted, call.module):
        return Diagnosis(call.name, "output.structure", text)
    first = next((ours[name] for name in ("output", "output.0") if name in ours), None)
    if first is not None and first.dtype != (dtype := cotangents[0].dtype):
        return Diagnosis(
            call.name, "dtype", f"it computes in {first.dtype}, torch in {dtype}: write dtype=jnp.{dtype}"
        )
    if _drops(call, ours):
        return Diagnosis(
            call.name,
            "dropout.active",
            "dropout is active, torch's is not: model.eval() or deterministic=True",
        )
    limits = _limits(judged, judged.arithmetic)
    weights = _weights(call, part)
    if weights is not None:
        return weights
    # Another class of the same name, as a recording makes of a layer with hooks, has not torch's attributes.
    torchs = [b for b in type(call.module).__mro__ if b is getattr(torch.nn, b.__name__, None)]
    kinds = [kind for base in torchs if (kind := _KINDS.get(base.__name__))][:1]
    tried = [h for kind in kinds for h in kind(call.module)]
    if image is not None and len(image) > 2 and isinstance(call.module, torch.nn.Linear):
        tried += convolutions.flatten_orders(call.module, image)
    shape = tuple(ours[name].shape for name in ours if name.startswith("output"))
    same_shape = shape == tuple(ct.shape for ct in cotangents)
    for h in tried:
        try:
            theirs = torch_network.run(
                h.module, call.args, call.kwargs, cotangents if same_shape else None, wide=True
            )
        except Exception:
            continue  # the mistake cannot be made with these shapes
        # A mistake that makes no difference for these shapes explains none.
        if _explains(ours, theirs, limits) and not _explains(wanted, theirs, limits):
            return Diagnosis(call.name, h.cause, h.fix)
    if same_shape:
        found = _precision(judged)
        if found is not None:
            return found
    name = next((n for n in wanted if n in ours and not _within(ours[n], wanted[n], limits.get(n))), "output")
    text = describe(ours[name], wanted[name], limits.get(name)) if name in ours else "a result is missing"
    return Diagnosis(call.name, "unknown", f"{name}: {text}")


def _limits(judged: JudgedLayer, how: Arithmetic) -> dict[str, np.ndarray]:
    try:
        return judged.limits if how == judged.arithmetic else judged.limits_in(how)
    except rounding.UnknownPrimitive:
        return {}


def _within(ours: np.ndarray, want: np.ndarray, limit: np.ndarray | None) -> bool:
    if ours.shape != want.shape:
        return False
    with np.errstate(invalid="ignore"):
        off = np.abs(ours.astype(want.dtype) - want)
    equal = (ours == want) | (np.isnan(ours) & np.isnan(want)) if want.dtype.kind == "f" else ours == want
    return bool((equal | (off <= (0.0 if limit is None else limit))).all())


def _explains(ours: Any, theirs: Any, limits: Any) -> bool:
    """Whether the mistake gives what the Flax layer gives, in everything that there is."""
    names = [n for n in theirs if n in ours]
    if not names or not any(n.startswith("output") for n in names):
        return False
    return all(_within(ours[n], theirs[n], limits.get(n)) for n in names)


def _draws(module: torch.nn.Module) -> bool:
    return module.training and ("Dropout" in type(module).__name__ or isinstance(module, torch.nn.RReLU))


def _drops(call: Call, ours: Any) -> bool:
    if "Dropout" not in type(call.module).__name__:
        return False
    return bool((ours["output"] == 0).mean() > (call.args[0] == 0).mean())


def _weights(call: Call, part: Part) -> Diagnosis | None:
    """Weights of their own that are not torch's: how they lie, if they are the same numbers."""
    held = part.arrays()
    for link in part.links or ():
        theirs = {**dict(call.module.named_parameters()), **dict(call.module.named_buffers())}[link.torch]
        want, mine = to_numpy(theirs), link.to_torch(np.asarray(held[link.flax]))
        if want.dtype.kind in "iu" or np.array_equal(mine, want):
            continue
        fix = f"{link.flax!r} is not torch's {link.torch!r}"
        space = tuple(range(2, want.ndim))
        turns: list[tuple[str, str, Callable[[Any], Any]]] = [
            ("weight.transposed", "it is transposed", lambda w: w.swapaxes(0, 1)),
            ("kernel.flipped", "it is flipped in space", lambda w, a=space: np.flip(w, a)),
            ("kernel.hw_swapped", "its height and width are swapped", lambda w: w.swapaxes(-1, -2)),
            (
                "kernel.io_swapped",
                "inputs and outputs are swapped, and it is flipped",
                lambda w, a=space: np.flip(w.swapaxes(0, 1), a),
            ),
        ]
        for cause, text, turn in turns if want.ndim > 1 else []:
            if np.array_equal(turn(want), mine):
                return Diagnosis(
                    call.name,
                    cause,
                    f"{fix}: {text}; load it with parity.check(convert='to_flax') or jaxconv.load_state_dict",
                )
        if want.ndim > 1 and np.array_equal(np.sort(want, None), np.sort(mine, None)):
            return Diagnosis(call.name, "weight.reordered", f"{fix}: the same numbers in another order")
        return Diagnosis(
            call.name, "weight.different", f"{fix}: load torch's state_dict (jaxconv.load_state_dict)"
        )
    return None


def _precision(judged: JudgedLayer) -> Diagnosis | None:
    """Whether a lower precision alone explains it: then the error is noise of that size everywhere."""
    ours, wanted = judged.ours, judged.run.wide
    for name, roundoff in (("tf32", 2.0**-11), ("bfloat16", 2.0**-8)):
        if judged.arithmetic.multiply >= roundoff:
            continue  # the layer was judged with that allowance
        limits = _limits(judged, replace(judged.arithmetic, multiply=roundoff))
        if limits and all(_within(ours[n], wanted[n], limits.get(n)) for n in wanted if n in ours):
            return Diagnosis(
                judged.run.call.name,
                f"precision.{name}",
                f"products are rounded to {name}: write precision='highest' or jax.default_matmul_precision('highest')",
            )
    return None


def between(whole: Whole, calls: Sequence[Call], judged: Sequence[str], wrong: Sequence[str]) -> Diagnosis:
    """The cause of a difference of the whole, where every layer is right on its own.

    Args:
        whole: the two networks.
        calls: torch's layers.
        judged: the paths of those that are right.
        wrong: the names of the results that differ.
    """
    ours, wanted = whole.ours, whole.original.wanted
    error = describe(ours[wrong[0]], wanted[wrong[0]], None)
    text = f"every layer is right on its own; {wrong[0]}: {error}"
    if not whole.original.runnable:
        return Diagnosis(
            "", "unknown", f"{text}. Compare with torch's network itself to have the causes tried"
        )
    tensors = [from_numpy(x) for x in whole.original.inputs]
    before = {n: _apart(ours[n], wanted[n]) if ours[n].shape == wanted[n].shape else np.inf for n in wrong}
    outputs = [n for n in wrong if n.startswith("output")]

    def off(theirs: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, float] | None:
        """How far the Flax network is from the mistake's results, if it is much nearer than from torch's."""
        if not all(n in theirs and theirs[n].shape == ours[n].shape for n in names):
            return None
        found = {n: _apart(ours[n], theirs[n]) for n in names}
        return found if all(found[n] < 0.05 * before[n] for n in names) else None

    for where, h in network.hypotheses(whole.original.module, tensors, calls, judged):
        try:
            # Gradients, and then the allowance with its many runs, only of what has come so far.
            if off(whole.forward(h.module), outputs) is None:
                continue
            theirs = whole.run(h.module)
        except Exception:
            continue  # the mistake cannot be made with these shapes
        found = off(theirs, wrong)
        if found is not None:
            limit = whole.allowances(h.module, theirs)
            if all(found[n] <= limit.get(n, 0.0) for n in wrong):
                return Diagnosis(where, h.cause, h.fix)
    return Diagnosis("", "unknown", text)


def _apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    wide = np.result_type(ours, theirs, np.int8)  # NumPy does not subtract booleans
    return rms(np.subtract(ours, theirs, dtype=wide))


def unmatched(call: Call, matching: Matching, whole: Part) -> Diagnosis:
    """Why a layer with weights has no partner."""
    groups, weight = getattr(call.module, "groups", 1), getattr(call.module, "weight", None)
    held = whole.arrays()
    if groups > 1 and isinstance(weight, torch.Tensor):
        for name in matching.extra:
            if np.size(held[name]) == weight.numel() * groups:
                fix = f"{name!r} is the kernel of a convolution without groups: write groups={groups}"
                return Diagnosis(call.name, "groups.dropped", f"{fix} (Flax: feature_group_count)")
    shapes = {name: tuple(np.shape(held[name])) for name in matching.extra}
    return Diagnosis(
        call.name, "layer.unmatched", f"no Flax layer holds its arrays; left over: {shapes or 'nothing'}"
    )
