"""Why two layers differ: torch's layer with a mistake made on purpose, until it computes what the Flax layer does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from parity._bounds import rounding
from parity._bounds.tolerance import Arithmetic
from parity._diagnose import activations as activations  # enters its causes, as do the next four
from parity._diagnose import convolutions
from parity._diagnose import network as network
from parity._diagnose import normalisation as normalisation
from parity._diagnose import pooling as pooling
from parity._diagnose import resizing as resizing
from parity._diagnose.hypothesis import Diagnosis as Diagnosis
from parity._diagnose.registry import CAUSES, UNKNOWN, Cause, forms
from parity._diagnose.shape import describe
from parity._diagnose.trace.look import look
from parity._flax.network import Part
from parity._judge import returned
from parity._judge.layer import JudgedLayer
from parity._pairing.match import Matching
from parity._torch import network as torch_network
from parity._torch.network import Call
from parity._torch.tensors import to_numpy

DROPOUT = Cause("dropout.active", "dropout that is active on one side")
REFUSED = Cause("refused", "an input that the Flax layer does not take")
STRUCTURE = Cause(
    "output.structure", "another number of arrays than torch's layer returns, such as `return_indices`"
)
DTYPE = Cause("dtype", "another format than torch's")
REORDERED = Cause("weight.reordered", "torch's numbers in another order")
DIFFERENT = Cause("weight.different", "weights that are not torch's")
PRECISIONS = {
    Cause("precision.tf32", "products that are rounded to TF32"): 2.0**-11,
    Cause("precision.bfloat16", "products that are rounded to bfloat16"): 2.0**-8,
}
GROUPS = Cause("groups.dropped", "a convolution without groups")
UNMATCHED = Cause("layer.unmatched", "no layer that holds the weights")
UNSEEN = Cause(
    "layer.unseen", "a layer whose weights change nothing on this input, so that it cannot be judged"
)


def layer(judged: JudgedLayer, image: tuple[int, ...] | None, memory_limit: int) -> Diagnosis:
    """The cause of a layer's difference.

    Args:
        judged: the layer, its results and the limits that it was judged by.
        image: the shape (C, *size) of what the layer is given flattened, if it is.
        memory_limit: how many bytes of values are kept at once, should the layer be looked into.
    """
    run, part = judged.run, judged.part
    call, cotangents, wanted = run.call, run.cotangents, run.wide
    if _draws(call.module):
        return DROPOUT.at(
            call.name,
            "torch's layer draws at random, so that no two runs are the same: compare both in eval mode",
        )
    if judged.refusal is not None:
        reason = str(judged.refusal).partition("\n")[0]
        return REFUSED.at(call.name, f"the Flax layer does not take torch's input: {reason}")
    ours = judged.ours
    if text := returned.difference(ours, wanted, call.module):
        return STRUCTURE.at(call.name, text)
    first = next((ours[name] for name in ("output", "output.0") if name in ours), None)
    if first is not None and first.dtype != (dtype := cotangents[0].dtype):
        return DTYPE.at(call.name, f"it computes in {first.dtype}, torch in {dtype}: write dtype=jnp.{dtype}")
    if _drops(call, ours):
        return DROPOUT.at(
            call.name,
            "dropout is active, torch's is not: model.eval() or deterministic=True",
        )
    limits = _limits(judged, judged.arithmetic)
    weights = _weights(call, part)
    if weights is not None:
        return weights
    # Another class of the same name, as a recording makes of a layer with hooks, has not torch's attributes.
    torchs = [b for b in type(call.module).__mro__ if b is getattr(torch.nn, b.__name__, None)]
    kinds = [b.__name__ for b in torchs if any(b.__name__ in cause.forms for cause in CAUSES.values())][:1]
    tried = [mistake for kind in kinds for mistake in forms(kind, call.module)]
    if image is not None and len(image) > 2 and isinstance(call.module, torch.nn.Linear):
        tried += forms(convolutions.FLATTENED, call.module, image)
    shape = tuple(ours[name].shape for name in ours if name.startswith("output"))
    same_shape = shape == tuple(ct.shape for ct in cotangents)
    for cause, fix, module in tried:
        try:
            theirs = torch_network.run(
                module, call.args, call.kwargs, cotangents if same_shape else None, wide=True
            )
        except Exception:
            continue  # the mistake cannot be made with these shapes
        # A mistake that makes no difference for these shapes explains none.
        if _explains(ours, theirs, limits) and not _explains(wanted, theirs, limits):
            return cause.at(call.name, fix)
    if same_shape:
        found = _precision(judged)
        if found is not None:
            return found
    name = next((n for n in wanted if n in ours and not _within(ours[n], wanted[n], limits.get(n))), "output")
    text = describe(ours[name], wanted[name], limits.get(name)) if name in ours else "a result is missing"
    found = UNKNOWN.at(call.name, f"{name}: {text}")
    seen = look(call.module, part, call.args, call.kwargs, cotangents, memory_limit)
    return seen.explains(call.name) or seen.shows(found) if seen else found


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
        turns: list[tuple[Cause, str, Callable[[Any], Any]]] = [
            (convolutions.TRANSPOSED_WEIGHT, "it is transposed", lambda w: w.swapaxes(0, 1)),
            (convolutions.FLIPPED, "it is flipped in space", lambda w, a=space: np.flip(w, a)),
            (convolutions.HW_SWAPPED, "its height and width are swapped", lambda w: w.swapaxes(-1, -2)),
            (
                convolutions.IO_SWAPPED,
                "inputs and outputs are swapped, and it is flipped",
                lambda w, a=space: np.flip(w.swapaxes(0, 1), a),
            ),
        ]
        for cause, text, turn in turns if want.ndim > 1 else []:
            if np.array_equal(turn(want), mine):
                return cause.at(
                    call.name,
                    f"{fix}: {text}; load it with parity.check(convert='to_flax') or jaxconv.load_state_dict",
                )
        if want.ndim > 1 and np.array_equal(np.sort(want, None), np.sort(mine, None)):
            return REORDERED.at(call.name, f"{fix}: the same numbers in another order")
        return DIFFERENT.at(call.name, f"{fix}: load torch's state_dict (jaxconv.load_state_dict)")
    return None


def _precision(judged: JudgedLayer) -> Diagnosis | None:
    """Whether a lower precision alone explains it: then the error is noise of that size everywhere."""
    ours, wanted = judged.ours, judged.run.wide
    for cause, roundoff in PRECISIONS.items():
        if judged.arithmetic.multiply >= roundoff:
            continue  # the layer was judged with that allowance
        limits = _limits(judged, replace(judged.arithmetic, multiply=roundoff))
        if limits and all(_within(ours[n], wanted[n], limits.get(n)) for n in wanted if n in ours):
            name = cause.id.rpartition(".")[2]
            return cause.at(
                judged.run.call.name,
                f"products are rounded to {name}: write precision='highest' or jax.default_matmul_precision('highest')",
            )
    return None


def unmatched(call: Call, matching: Matching, whole: Part, dead: Sequence[str]) -> Diagnosis:
    """Why a layer with weights has no partner; `dead` are the parameters whose gradient is zero."""
    names = [f"{call.path}.{name}" for name, _ in call.module.named_parameters()]
    if set(names) <= {*dead} - {*matching.missing}:
        return UNSEEN.at(
            call.name,
            f"the Flax network holds its weights ({', '.join(names)}), but not in a layer of their own, and their "
            "gradient is zero: nothing shows whether it computes the layer; give another input",
        )
    groups, weight = getattr(call.module, "groups", 1), getattr(call.module, "weight", None)
    held = whole.arrays()
    if groups > 1 and isinstance(weight, torch.Tensor):
        for name in matching.extra:
            if np.size(held[name]) == weight.numel() * groups:
                fix = f"{name!r} is the kernel of a convolution without groups: write groups={groups}"
                return GROUPS.at(call.name, f"{fix} (Flax: feature_group_count)")
    shapes = {name: tuple(np.shape(held[name])) for name in matching.extra}
    return UNMATCHED.at(call.name, f"no Flax layer holds its arrays; left over: {shapes or 'nothing'}")
