"""EndToEnd networks: each layer judged on its own, and the network end to end."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch

from parity import _diagnose as diagnose
from parity._diagnose import Diagnosis
from parity._diagnose import between as diagnose_between
from parity._diagnose.trace.look import Seen
from parity._flax import compilation
from parity._flax import network as flax_network
from parity._judge import layer as layers
from parity._judge.end_to_end import EndToEnd
from parity._judge.verdict import Verdict, failed
from parity._pairing.align import Pair, align, images
from parity._pairing.match import Matching
from parity._report.about import about
from parity._report.layers import LayerReport
from parity._report.progress import Tell, shown
from parity._report.report import Report, merged
from parity._torch import network as torch_network
from parity._torch.original import MEMORY_LIMIT, LayerRun, Original, original
from parity._torch.plain import keeps_its_parametrizations


def check(
    torch_module: torch.nn.Module | Original,
    flax_module: Any,
    *given: Any,
    inputs: Sequence[Any] | None = None,
    convert: Literal["to_flax", "to_torch"] | None = "to_flax",
    layout: Literal["NCHW", "NHWC"] | None = None,
    mapping: Mapping[str, str] | None = None,
    seed: int = 0,
    memory_limit: int = MEMORY_LIMIT,
    quick: bool = False,
    progress: bool = True,
) -> Report:
    """Compares a Flax network with a torch network, layer by layer and end to end.

    Every layer that torch calls is run on its own, forward and backward, on the input that it was given inside the
    torch network, by torch and by the Flax layer of the same path, and both results are held against a float64
    reference with a bound that is derived for each number (`_bounds`). So an error is found where it is made,
    and nowhere else. Then the networks are run end to end, forward and backward; how far rounding may carry the result
    is measured by running torch's network in float64 with every operation's rounding drawn at random
    (`_torch.monte_carlo`). Neither network is changed.

    Args:
        torch_module: in the mode (train, eval) in which it is to be compared; or a recording of it (`parity.record`),
            which has its own inputs and seed.
        flax_module: an NNX module, a bound Linen module, a pair (Linen module, variables), a pair (function,
            parameters), called as function(parameters, *given), or a pytree that can be called. Its layers are found
            by torch's names, else by order and shape; they may be jaxconv's, Flax's own, or anybody's. If its call
            takes `train`, `deterministic` or the like, it gets torch's mode.
        given: the networks' input, or inputs: arrays or tensors in torch's layout: floating ones that are not constant,
            since a constant input could not tell a layout from another, or integers and booleans (token ids, masks).
        inputs: several inputs in the place of `given`, each an array or a tuple of arrays: of several sizes and batch
            sizes, since two networks may agree at some sizes only, as 'SAME' and torch's padding do. The networks are
            compared on each.
        convert: whose weights both networks get: 'to_flax' torch's, 'to_torch' ours; None leaves each its own.
        layout: of the Flax network's images: 'NCHW' as torch's, 'NHWC' channels last. None recognises it by its layers:
            jaxconv's are NCHW, Flax's own NHWC. Inputs and outputs are transposed at the border only.
        mapping: torch's path -> the Flax path, for layers and parameters that neither name nor order and shape match.
        seed: of the cotangents and the noise.
        memory_limit: how many bytes of layers' inputs are kept at once. Beyond it they are judged in several
            passes through torch's network.
        quick: whether only the forward pass is compared. The report says so; it says nothing of gradients.
        progress: whether a bar on stderr says what is compiled and compared, if stderr is a terminal.

    Returns:
        The report; `report.assert_ok()` raises where it is not ok.

    Raises:
        ValueError: weights that do not fit, no inputs, inputs in both places or beside a recording, an unknown
            `convert` or `layout`.
        TypeError: a module of neither kind, a ScriptModule, an input that is no array of numbers.

    Examples:
        >>> x = jax.random.normal(jax.random.key(0), (4, 3))
        >>> report = parity.check(torch.nn.Linear(3, 2), jaxconv.Linear(3, 2, rngs=nnx.Rngs(0)), x)
        >>> report.ok
        True
    """
    if convert not in ("to_flax", "to_torch", None):
        raise ValueError(f"`convert` (={convert!r}) must be 'to_flax', 'to_torch' or None")
    if layout not in ("NCHW", "NHWC", None):
        raise ValueError(f"`layout` (={layout!r}) must be 'NCHW', 'NHWC' or None")
    if isinstance(torch_module, Original):
        beside = {"inputs": given or inputs is not None, "seed": seed, "quick": quick}
        beside["memory_limit"] = memory_limit != MEMORY_LIMIT
        if names := ", ".join(f"`{name}`" for name, value in beside.items() if value):
            raise ValueError(f"{names} cannot be combined with a recording, which has its own")
        if convert == "to_torch" and not torch_module.runnable:
            raise ValueError("`convert` (='to_torch') needs torch's network itself, not a recording of it")
    reports = []
    with shown(progress) as tell, compilation.kept():
        sets = _sets(given, inputs)
        for i, one in enumerate(sets):
            part = partial(_part_of_the_work, tell, i, len(sets))
            part("running torch's network", 0.0)
            if isinstance(torch_module, Original):
                theirs = torch_module
            else:
                ours = flax_network.network(flax_module).arrays()
                plain = not keeps_its_parametrizations(iter(ours))
                theirs = original(torch_module, one, seed, memory_limit, plain, not quick)
            reports.append(_compared(theirs, flax_module, convert, layout, mapping, memory_limit, part))
    return reports[0] if inputs is None else merged(reports)


def _sets(given: Sequence[Any], inputs: Sequence[Any] | None) -> list[Sequence[Any]]:
    """What the networks are given each time that they are compared."""
    if inputs is None:
        return [given]
    if given:
        raise ValueError("`inputs` cannot be combined with positional inputs: give all of them in `inputs`")
    if not isinstance(inputs, list | tuple):
        raise TypeError(
            f"`inputs` must be a list, each item an array or a tuple of arrays, got {type(inputs).__name__}"
        )
    if not inputs:
        raise ValueError("`inputs` (=[]): at least one is needed to run the networks")
    return [tuple(one) if isinstance(one, list | tuple) else (one,) for one in inputs]


def _part_of_the_work(tell: Tell, index: int, count: int, what: str, done: float) -> None:
    tell(f"inputs[{index}]: {what}" if count > 1 else what, (index + done) / count)


def _compared(
    theirs: Original,
    flax_module: Any,
    convert: Literal["to_flax", "to_torch"] | None,
    layout: Literal["NCHW", "NHWC"] | None,
    mapping: Mapping[str, str] | None,
    memory_limit: int,
    tell: Tell,
) -> Report:
    """Both networks on one input."""
    pair = align(
        theirs.module, theirs.calls, flax_module, theirs.inputs, theirs.outputs, convert, layout, mapping
    )
    if convert == "to_torch":
        theirs = theirs.with_module(pair.torch_module)
    judged = {call.path for call in theirs.calls if call.path in pair.parts or _has_weights(call.module)}
    whole = EndToEnd(theirs, pair.whole)
    tell("end to end: compiling and running the Flax network", 0.05)
    _ = whole.ours
    tell("end to end: how far rounding carries torch's network", 0.3)
    network = whole.judge()
    place = functools.cache(lambda: diagnose_between.seen(whole))
    reports: list[LayerReport] = []
    causes: list[Diagnosis] = []
    shapes = images(theirs.calls)
    for run in theirs.runs(judged):
        path = run.call.path
        part = pair.parts.get(path)
        judged_layer = None if part is None else layers.JudgedLayer(run, part)
        done = 0.45 + 0.5 * len(reports) / max(sum(call.path in judged for call in theirs.calls), 1)
        tell(f"layer {run.call.name or run.call.path}: {type(run.call.module).__name__}", done)
        report = _check_layer(run, judged_layer)
        if not report.ok and (judged_layer is None or all(v.ok for v in network)):
            report = replace(report, unjudged=_answered_for(run, judged_layer, whole, pair.matching))
        reports.append(report)
        if not report.ok and not any(d.layer.partition("#")[0] == path for d in causes):  # one a fault
            tell(f"layer {run.call.name}: looking for the cause", done)
            found = _cause(run, judged_layer, pair, shapes.get(path), place, memory_limit)
            found = diagnose_between.with_lines(
                found, whole, run.call, judged_layer and judged_layer.part, place
            )
            causes += [found] if found not in causes else []
    wrong = [v.name for v in network if not v.ok and v.name in theirs.wanted and v.name in whole.ours]
    if not causes and wrong:
        tell("end to end: looking for the cause", 0.95)
        causes.append(
            diagnose_between.between(
                whole, theirs.calls, [r.name.partition("#")[0] for r in reports], wrong, place()
            )
        )
    problems, notes = _problems(theirs, pair)
    notes += tuple(
        f"{r.name or r.kind} was compared end to end only: {r.unjudged}" for r in reports if r.unjudged
    )
    if theirs.random:
        problems += ("torch's network gives another output each time (dropout?): call .eval() to compare it",)
    problems += tuple(
        f"torch's output {i} is constant or has no finite number: it shows nothing"
        for i, y in enumerate(theirs.outputs)
        if y.size
        and y.dtype.kind not in "biu"
        and (not np.isfinite(y).any() or ((y == y.flat[0]).all() and y.size > 1))
    )
    said, forward_only = about(theirs, pair.whole, convert), not theirs.backward
    ledger = pair.matching.ledger
    return Report(tuple(reports), network, problems, notes, ledger, tuple(causes), said, forward_only)


def _answered_for(
    run: LayerRun, judged: layers.JudgedLayer | None, whole: EndToEnd, matching: Matching
) -> str:
    """Why a layer that differs from its partner, or has none, need not be the same; empty if it must be.

    What counts is what the networks compute. They may divide it into layers in different ways: padding inside a
    convolution or before it, weights kept in another form. Then the layer is no fault if the networks agree in
    float64, and if the layer has a part in that: where its weights have no effect on this input, nothing is known.
    Of a layer without a partner there is nothing that speaks against the networks' agreement.
    """
    parameters = [n for n, _ in run.call.module.named_parameters()]
    names = [f"{run.call.path}.{name}" if run.call.path else name for name in parameters]
    if set(names) & set(matching.missing):
        return ""
    if set(names or whole.original.dead) & set(whole.original.dead):
        return ""
    if judged is None:
        return "no Flax layer holds its weights by itself"
    if whole.original.random or not whole.same_in_float64:
        return ""
    first = next((f"{v.name}: {v.reason}" for v in judged.verdicts if not v.ok), "nothing was compared")
    return f"the networks agree, and divide the computation in different ways; on torch's input, {first}"


def _has_weights(module: torch.nn.Module) -> bool:
    return any(True for _ in module.parameters())


def _problems(theirs: Original, pair: Pair) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What would make a pass say nothing; and what else should be known."""
    module, calls, inputs, dead = theirs.module, theirs.calls, theirs.inputs, theirs.dead
    called = {call.path for call in calls}
    known = torch_network.layers(module)
    problems = [
        f"inputs[{i}] is constant: it cannot tell one layout from another"
        for i, x in enumerate(inputs)
        if x.dtype.kind not in "biu" and (x.size == 1 or (x.size and (x == x.flat[0]).all()))
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
    notes += [*theirs.notes, *pair.whole.notes]
    return tuple(problems), tuple(notes)


def _check_layer(run: LayerRun, judged: layers.JudgedLayer | None) -> LayerReport:
    """One layer on its own, on the input that torch's layer was given."""
    call = run.call
    given = torch_network.inexact((call.args, call.kwargs))
    shapes = given[0].shape if given else (), call.outputs[0][0] if call.outputs else ()
    if judged is None:
        verdicts: tuple[Verdict, ...] = (failed("layer", "the Flax network has no layer of this name"),)
    else:
        verdicts = judged.verdicts
    return LayerReport(call.name, type(call.module).__name__, *shapes, verdicts)


def _cause(
    run: LayerRun,
    judged: layers.JudgedLayer | None,
    pair: Pair,
    image: tuple[int, ...] | None,
    place: Callable[[], Seen | None],
    memory_limit: int,
) -> Diagnosis:
    if judged is not None:
        return diagnose.layer(judged, image, memory_limit)
    seen, found = place(), diagnose.unmatched(run.call, pair.matching, pair.whole)
    # Should the networks part elsewhere, the layer is only held in another way.
    return seen.explains() or found if seen and seen.layer != run.call.path else found
