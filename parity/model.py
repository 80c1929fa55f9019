"""Whole networks: each layer judged on its own, and the network end to end."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
import torch

from parity import diagnose, layers, torch_network
from parity.alignment import Pair, align, images
from parity.compare import Verdict, failed
from parity.diagnose import Diagnosis
from parity.flax_network import Part
from parity.model_report import LayerReport, Report
from parity.torch_network import Call
from parity.torch_side import to_numpy
from parity.whole import Whole

_SAMPLES = 8
"""How often the float64 network runs with noise in every layer. More only make the allowance a little larger."""


def check(
    torch_module: torch.nn.Module,
    flax_module: Any,
    *inputs: Any,
    convert: Literal["to_flax", "to_torch"] | None = "to_flax",
    layout: Literal["NCHW", "NHWC"] | None = None,
    mapping: Mapping[str, str] | None = None,
    seed: int = 0,
) -> Report:
    """Whether a Flax network computes what a torch network computes, layer by layer and end to end.

    Every layer that torch calls is run on its own, forward and backward, on the input that it was given inside the
    torch network, by torch and by the Flax layer of the same path, and both results are held against a float64
    reference with a bound that is derived for each number (`parity.tolerance`). So an error is found where it is made,
    and nowhere else. Then the networks are run end to end, forward and backward; how far rounding may carry the result
    is measured by running torch's network in float64 with every operation's rounding drawn at random
    (`parity.monte_carlo`). Neither network is changed.

    Args:
        torch_module: in the mode (train, eval) in which it is to be compared.
        flax_module: an NNX module, a bound Linen module, a pair (Linen module, variables), or a pair (function,
            parameters), called as function(parameters, *inputs). Its layers are found by torch's names, else by
            kind, order and shape; they may be jaxconv's, Flax's own, or anybody's.
        inputs: arrays or tensors in torch's layout, floating, not constant: a constant input could not tell a layout
            from another.
        convert: whose weights both networks get: 'to_flax' torch's, 'to_torch' ours; None leaves each its own.
        layout: of the Flax network's images: 'NCHW' as torch's, 'NHWC' channels last. None recognises it by its layers:
            jaxconv's are NCHW, Flax's own NHWC. Inputs and outputs are transposed at the border only.
        mapping: torch's path -> the Flax path, for layers that neither name nor kind, order and shape match.
        seed: of the cotangents and the noise.

    Returns:
        The report; `report.assert_ok()` raises where it is not ok.

    Raises:
        ValueError: weights that do not fit, no inputs, an unknown `convert`.
        TypeError: a module of neither kind, an input that is no floating array.
    """
    if convert not in ("to_flax", "to_torch", None):
        raise ValueError(f"`convert` (={convert!r}) must be 'to_flax', 'to_torch' or None")
    arrays = [_array(i, x) for i, x in enumerate(inputs)]
    if not arrays:
        raise ValueError("`inputs`: at least one is needed to run the networks")
    if layout not in ("NCHW", "NHWC", None):
        raise ValueError(f"`layout` (={layout!r}) must be 'NCHW', 'NHWC' or None")
    torch_module = torch_network.copy_of(torch_module)
    outputs = torch_network.forward(torch_module, arrays)
    calls = torch_network.calls(torch_module, arrays)
    pair = align(torch_module, calls, flax_module, arrays, outputs, convert, layout, mapping)
    torch_module, ours, parts = pair.torch_module, pair.whole, pair.parts
    if convert == "to_torch":
        outputs, calls = (
            torch_network.forward(torch_module, arrays),
            torch_network.calls(torch_module, arrays),
        )
    rng = np.random.default_rng(seed)
    again = torch_network.forward(torch_module, arrays)
    random = any(a.tobytes() != b.tobytes() for a, b in zip(outputs, again, strict=True))
    cotangents = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
    judged = [call for call in calls if call.path in parts or _has_weights(call.module)]
    reports = tuple(_check_layer(call, parts.get(call.path), rng) for call in judged)
    whole = Whole(torch_module, ours, arrays, cotangents, rng.integers(2**31, size=_SAMPLES).tolist())
    network = whole.judge()
    diagnosis = _diagnose(calls, list(zip(judged, reports, strict=True)), whole, network, pair, rng)
    problems, notes = _problems(torch_module, calls, pair, arrays, whole.dead)
    if random:
        problems += ("torch's network gives another output each time (dropout?): call .eval() to compare it",)
    problems += tuple(
        f"torch's output {i} is constant or has no finite number: it shows nothing"
        for i, y in enumerate(outputs)
        if y.size and (not np.isfinite(y).any() or ((y == y.flat[0]).all() and y.size > 1))
    )
    return Report(reports, network, problems, notes, pair.matching.ledger, diagnosis)


def _array(index: int, value: Any) -> np.ndarray:
    array = to_numpy(value) if isinstance(value, torch.Tensor) else np.asarray(value)
    if not jax.numpy.issubdtype(array.dtype, jax.numpy.floating):
        raise TypeError(f"`inputs[{index}]` must be a floating array, got dtype {array.dtype}")
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise TypeError(
            f"`inputs[{index}]` is {array.dtype}, which JAX turns into float32 unless jax_enable_x64 is set: "
            "jax.config.update('jax_enable_x64', True)"
        )
    return array


def _has_weights(module: torch.nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _problems(
    module: torch.nn.Module,
    calls: Sequence[Call],
    pair: Pair,
    inputs: Sequence[np.ndarray],
    dead: Sequence[str],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What would make a pass say nothing; and what else should be known. `dead`: parameters without a gradient."""
    called = {call.path for call in calls}
    known = torch_network.layers(module)
    # A network without child modules is a layer itself, if it has weights or torch calls it one.
    is_layer = _has_weights(module) or type(module).__module__.startswith("torch.nn.")
    real = [call for call in calls if call.name or is_layer]
    problems = [] if real else ["no layer was called: nothing was compared"]
    problems += [
        f"inputs[{i}] is constant: it cannot tell one layout from another"
        for i, x in enumerate(inputs)
        if x.size == 1 or (x.size and (x == x.flat[0]).all())
    ]
    problems += [f"inputs[{i}] is empty: nothing was compared" for i, x in enumerate(inputs) if not x.size]
    problems += [
        f"torch's layer {name!r} ({type(layer).__name__}) was never called: its weights were not compared"
        for name, layer in known.items()
        # Some are used without a call, as attention uses its projection.
        if name not in called and any(f"{name}.{p}" in dead for p, _ in layer.named_parameters())
    ]
    problems += [f"torch's {name!r} has no partner in the Flax network" for name in pair.matching.missing]
    problems += [f"the Flax network's {name!r} has no partner in torch" for name in pair.matching.extra]
    notes = [
        f"torch's layer {call.name!r} ({type(call.module).__name__}) has no Flax layer of that name: "
        "it was compared end to end only"
        for call in calls
        if call.path not in pair.parts and not _has_weights(call.module)
    ]
    notes += [f"the gradient of {name!r} is zero: it shows nothing" for name in dead]
    return tuple(problems), tuple(notes)


def _check_layer(call: Call, part: Part | None, rng: np.random.Generator) -> LayerReport:
    """One layer on its own, on the input that torch's layer was given."""
    given = torch_network.floating((call.args, call.kwargs))
    shapes = given[0].shape if given else (), call.outputs[0][0] if call.outputs else ()
    if part is None:
        verdicts: tuple[Verdict, ...] = (failed("layer", "the Flax network has no layer of this name"),)
    else:
        verdicts = layers.judge_layer(call, part, rng)
    return LayerReport(call.name, type(call.module).__name__, *shapes, verdicts)


def _diagnose(
    calls: Sequence[Call],
    judged: Sequence[tuple[Call, LayerReport]],
    whole: Whole,
    network: Sequence[Verdict],
    pair: Pair,
    rng: np.random.Generator,
) -> tuple[Diagnosis, ...]:
    """One entry a fault."""
    found: list[Diagnosis] = []
    shapes = images(calls)
    for call, report in judged:
        if report.ok or any(d.layer.partition("#")[0] == call.path for d in found):
            continue
        part = pair.parts.get(call.path)
        if part is None:
            found.append(diagnose.unmatched(call, pair.matching, pair.whole))
        else:
            found.append(diagnose.layer(call, part, shapes.get(call.path), rng))
    wrong = [v.name for v in network if not v.ok and v.name in whole.wanted and v.name in whole.ours]
    if not found and wrong:
        right = [call.path for call, _ in judged]
        found.append(diagnose.between(whole, calls, right, wrong))
    return tuple(found)
