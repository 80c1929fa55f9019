"""Two networks on one input: each layer judged on its own, and the network end to end."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch

from parity import _diagnose as diagnose
from parity._diagnose import Diagnosis, mode
from parity._diagnose import between as diagnose_between
from parity._diagnose.trace.look import Seen
from parity._judge import layer as layers
from parity._judge.end_to_end import EndToEnd
from parity._judge.training import Trained
from parity._judge.verdict import Verdict, failed
from parity._pairing.align import Pair, align, images
from parity._pairing.match import Matching
from parity._report.about import about
from parity._report.layers import LayerReport
from parity._report.progress import Tell
from parity._report.report import Report
from parity._torch import network as torch_network
from parity._torch.original import MEMORY_LIMIT, LayerRun, Original
from parity._torch.training import Recipe, Training

MORE = "behind the last of these causes the networks were not compared: it may hide others. Mend them, and check again"


@dataclass(frozen=True)
class Options:
    """How two networks are compared: arguments of `parity.check`."""

    convert: Literal["to_flax", "to_torch"] | None = "to_flax"
    layout: Literal["NCHW", "NHWC"] | None = None
    mapping: Mapping[str, str] | None = None
    memory_limit: int = MEMORY_LIMIT
    causes: bool = True
    """Whether the cause of a difference is looked for."""
    layers: bool = True
    """Whether each layer is judged on its own."""
    recipe: Recipe | None = None
    """How both networks are trained, if they are."""


@dataclass(frozen=True)
class Compared:
    """What was compared, and what was found.

    Attributes:
        report: what was found.
        theirs: torch's network on the input.
        pair: both networks with the same weights.
        whole: both networks end to end.
    """

    report: Report
    theirs: Original
    pair: Pair
    whole: EndToEnd


def compared(theirs: Original, flax_module: Any, options: Options, tell: Tell) -> Compared:
    """Compares both networks on one input."""
    convert = options.convert
    pair = align(
        theirs.module,
        theirs.calls,
        flax_module,
        theirs.inputs,
        theirs.outputs,
        convert,
        options.layout,
        options.mapping,
    )
    if convert == "to_torch":
        theirs = theirs.with_module(pair.torch_module)
    whole = EndToEnd(theirs, pair.whole)
    if wrong_mode := mode.mismatched(theirs, pair):
        return Compared(_of_modes(theirs, pair, wrong_mode, options), theirs, pair, whole)
    judged = {call.path for call in theirs.calls if call.path in pair.parts or _has_weights(call.module)}
    judged = judged if options.layers else set()
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
        if (
            options.causes and not report.ok and not any(d.layer.partition("#")[0] == path for d in causes)
        ):  # one a fault
            tell(f"layer {run.call.name}: looking for the cause", done)
            found = _cause(run, judged_layer, pair, shapes.get(path), place, options, theirs.dead)
            found = diagnose_between.with_lines(found, whole, run.call, part, place)
            causes += [found] if found not in causes else []
    wrong = [v.name for v in network if not v.ok and v.name in theirs.wanted and v.name in whole.ours]
    if options.causes and (wrong or not whole.ours):
        tell("end to end: looking for the cause", 0.95)
        right = [r.name.partition("#")[0] for r in reports]
        causes += (
            diagnose_between.further(
                causes, {r.name.partition("#")[0] for r in reports if r.ok} if causes else (), place()
            )
            if causes or not whole.ours
            else diagnose_between.between(whole, theirs.calls, right, wrong, place())
        )
    training: tuple[Verdict, ...] = ()
    if options.recipe is not None and not theirs.random:
        tell("training both networks", 0.97)
        training = Trained(Training(theirs, options.recipe), pair.whole).judge()
    problems, notes = _problems(theirs, pair)
    if causes and (wrong or not whole.ours) and diagnose_between.hides(place()):
        notes += (MORE,)
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
    summary = Report(
        tuple(reports), network, problems, notes, ledger, tuple(causes), said, forward_only, training
    )
    return Compared(summary, theirs, pair, whole)


def _of_modes(theirs: Original, pair: Pair, wrong: Mapping[str, Diagnosis], options: Options) -> Report:
    """The report of networks in different modes, which nothing else can be said of."""
    reports = [
        LayerReport(
            call.name,
            type(call.module).__name__,
            *_shapes(call),
            (failed("mode", wrong[call.path].fix.partition(":")[0]),),
        )
        for call in theirs.calls
        if call.path in wrong
    ]
    problems = ("nothing else was compared: first bring both networks into the same mode",)
    causes = tuple(wrong.values()) if options.causes else ()
    said = about(theirs, pair.whole, options.convert)
    ledger = pair.matching.ledger
    return Report(tuple(reports), (), problems, (), ledger, causes, said, not theirs.backward)


def _shapes(call: torch_network.Call) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of a call's first input and first output."""
    given = torch_network.inexact((call.args, call.kwargs))
    return given[0].shape if given else (), call.outputs[0][0] if call.outputs else ()


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
    if judged is None:
        verdicts: tuple[Verdict, ...] = (failed("layer", "the Flax network has no layer of this name"),)
    else:
        verdicts = judged.verdicts
    return LayerReport(call.name, type(call.module).__name__, *_shapes(call), verdicts)


def _cause(
    run: LayerRun,
    judged: layers.JudgedLayer | None,
    pair: Pair,
    image: tuple[int, ...] | None,
    place: Callable[[], Seen | None],
    options: Options,
    dead: Sequence[str],
) -> Diagnosis:
    if judged is not None:
        return diagnose.layer(judged, image, options.memory_limit)
    seen, found = place(), diagnose.unmatched(run.call, pair.matching, pair.whole, dead)
    # Should the networks part elsewhere, the layer is only held in another way.
    return seen.explains() or found if seen and seen.layer != run.call.path else found
