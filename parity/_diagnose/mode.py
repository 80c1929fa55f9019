"""Layers that are in training mode on one side and in eval mode on the other: nothing else needs to be compared."""

from typing import Any

from flax import nnx

from parity._diagnose import DROPOUT
from parity._diagnose.hypothesis import Diagnosis
from parity._diagnose.normalisation import TRAIN_MODE
from parity._diagnose.registry import Cause
from parity._flax import mode
from parity._pairing.align import Pair
from parity._torch.network import Call
from parity._torch.original import Original

_NAMES = {True: "training", False: "eval"}


def mismatched(theirs: Original, pair: Pair) -> dict[str, Diagnosis]:
    """The layers whose mode is not that of their partner, by torch's path."""
    causes = {
        call.path: cause for call in theirs.calls if (cause := _cause(call)) and call.path in pair.parts
    }
    if not causes:
        return {}
    names = pair.matching.layers
    parts = {names[path]: pair.parts[path] for path in causes}
    modes = mode.training(pair.whole, parts, theirs.inputs)
    of = {call.path: call.module.training for call in theirs.calls}
    wrong = [path for path in causes if modes.get(names[path], of[path]) is not of[path]]
    every = len(wrong) == sum(names[path] in modes for path in causes)
    draws = any(causes[path] is DROPOUT for path in wrong)
    fix = {trains: _fix(trains, every, draws, pair.whole.module) for trains in (True, False)}
    return {path: causes[path].at(path, fix[of[path]]) for path in wrong}


def _cause(call: Call) -> Cause | None:
    """What comes of another mode of torch's layer; None if the mode changes nothing."""
    layer: Any = call.module
    if getattr(layer, "running_mean", None) is not None:
        return TRAIN_MODE
    name = type(layer).__name__
    draws = "Dropout" in name and layer.p > 0 if hasattr(layer, "p") else name == "RReLU"
    return DROPOUT if draws or getattr(layer, "dropout", 0.0) else None


def _fix(trains: bool, every: bool, draws: bool, module: Any) -> str:
    """What to write.

    Args:
        trains: whether torch's layer is in training mode.
        every: whether all layers are in the other mode than torch's.
        draws: whether some of these layers draw in training mode, so that no two runs are the same.
        module: the Flax network.
    """
    theirs, ours = ("torch", "Flax") if every else ("torch's layer", "the Flax layer")
    said = f"{theirs} is in {_NAMES[trains]} mode, {ours} in {_NAMES[not trains]} mode"
    if trains and draws:
        return f"{said}: call `{'torch_model' if every else 'layer'}.eval()`: in training mode dropout draws at random"
    if not isinstance(module, nnx.Module):
        given = f"use_running_average={not trains}, deterministic={not trains}"
        return f"{said}: call it in {_NAMES[trains]} mode ({given})"
    right = "train()" if trains else "eval()"
    if not every:
        return f"{said}: call `{right}` of this layer"
    return f"{said}: call `model.{right}`" + (", or `torch_model.eval()`" if trains else "")
