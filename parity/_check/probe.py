"""`parity.check(probe=True)`: other inputs, modes and weights, where the given ones could not show everything."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from flax import nnx

from parity._check.compare import Compared, Options, compared
from parity._check.inputs import drawn_like, of_shape
from parity._flax import network as flax_network
from parity._report.merged import merged
from parity._report.progress import Tell, silent
from parity._report.report import Report
from parity._torch.original import Original
from parity._torch.unseen import Unseen, unseen

_FACTOR = 16.0
"""By how much an input is made larger: beyond the limits of activations, and within the range of float16."""

Trial = tuple[str, Original, Any]
"""What is tried, in words; torch's network on its input; and the Flax network."""


def _probed(
    first: Compared, flax_module: Any, options: Options, hidden: tuple[Unseen, ...], tell: Tell
) -> tuple[dict[str, Report], tuple[Unseen, ...], tuple[str, ...]]:
    """The reports by what was tried, what is hidden from all of them, and sentences on what was not tried."""
    found: dict[str, Report] = {}
    notes: list[str] = []
    options = replace(options, convert="to_flax", recipe=None)  # both have the same weights by now
    for by, trials in _TRIALS.items():
        for what, theirs, ours in trials(first, flax_module, notes) if _tries(by, hidden) else ():
            tell(f"probe: {what}", 0.9)
            if theirs.random or any(
                not np.isfinite(y).all() for y in theirs.outputs if y.dtype.kind not in "biu"
            ):
                notes.append(f"{what}: not tried, since torch's outputs are random or not finite")
                continue
            report = compared(theirs, ours, options, silent).report
            error = next((v.reason for v in report.network if "does not run" in v.reason), "")
            if by == "training" and error:
                notes.append(f"{what}: not tried, since {error}")
                continue
            found[what] = report
            hidden = everywhere([hidden, unseen(theirs)])
            if not _tries(by, hidden):
                break
    return found, hidden, tuple(notes)


def _tries(by: str, hidden: Sequence[Unseen]) -> bool:
    return any(by in one.kind.by for one in hidden)


def everywhere(hidden: Sequence[Sequence[Unseen]]) -> tuple[Unseen, ...]:
    """What is hidden in all of these comparisons."""
    rest = [{(one.id, one.layer) for one in each} for each in hidden[1:]]
    return tuple(one for one in hidden[0] if all((one.id, one.layer) in each for each in rest))


def with_probes(report: Report, first: Compared, flax_module: Any, options: Options, tell: Tell) -> Report:
    """A report of networks that agree, with what is found where its input shows nothing.

    Args:
        report: of the networks on the given inputs.
        first: the comparison on the first of them.
        flax_module, options: as these comparisons were made with.
        tell: is told what is tried.
    """
    found, hidden, notes = _probed(first, flax_module, options, report.hidden, tell)
    agree = {what: _agrees(one) for what, one in found.items()}
    differing = {what: one for what, one in found.items() if not agree[what]}
    if differing:
        given = report.about.get("input", "")
        reports = [report, *(replace(one, problems=(), notes=()) for one in differing.values())]
        report = merged(reports, ["the given input", *differing])
        report = replace(report, about={**report.about, "input": given}, notes=reports[0].notes)
        hidden = ()
    return replace(report, hidden=hidden, probes=agree, notes=(*report.notes, *notes))


def _agrees(report: Report) -> bool:
    return all(layer.ok for layer in report.layers) and all(v.ok for v in report.network)


def _on(theirs: Original, module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> Original:
    return Original(module, inputs, theirs.seed, theirs.limit, theirs.notes, theirs.backward)


def _sized(
    what: str, shapes: Sequence[tuple[int, ...]], first: Compared, flax_module: Any, notes: list[str]
) -> Iterator[Trial]:
    """The first two of these shapes that torch's network takes."""
    taken, error = 0, ""
    for shape in shapes:
        inputs = drawn_like(of_shape(first.theirs.inputs, shape, [first.theirs.seed]), first.theirs.seed)
        theirs = _on(first.theirs, first.pair.torch_module, inputs)
        try:
            _ = theirs.outputs
        except ValueError as refused:
            error = str(refused).partition("\n")[0]
            continue
        yield f"{what}, {'x'.join(map(str, shape))}", theirs, flax_module
        taken += 1
        if taken == 2:
            return
    if not taken and shapes:
        notes.append(f"{what}: not tried, since {error}")


def _sizes(first: Compared, flax_module: Any, notes: list[str]) -> Iterator[Trial]:
    shape = first.theirs.inputs[0].shape
    more = ((1, 3), (2, 5), (16, 32), (32, 64), (-1, -1))
    if len(shape) > 3:
        shapes = [(*shape[:2], *(n + m[i > 0] for i, n in enumerate(shape[2:]))) for m in more]
    elif len(shape) == 3:  # (N, C, L) or (N, T, D): what is no length is refused by the weights
        n, first_axis, second = shape
        shapes = [(n, first_axis + 2, second + 1)] + [(n, first_axis + m[0], second) for m in more]
        shapes += [(n, first_axis, second + m[0]) for m in more]
    elif len(shape) == 2 and first.theirs.inputs[0].dtype.kind in "iu":
        shapes = [(shape[0], shape[1] + m[0]) for m in more]
    else:
        return
    yield from _sized("another size", [s for s in shapes if min(s) > 0], first, flax_module, notes)


def _batch(first: Compared, flax_module: Any, notes: list[str]) -> Iterator[Trial]:
    shape = first.theirs.inputs[0].shape
    yield from _sized("a larger batch", [(shape[0] + 2, *shape[1:])], first, flax_module, notes)


def _scale(first: Compared, flax_module: Any, notes: list[str]) -> Iterator[Trial]:
    for factor in (_FACTOR, -_FACTOR):
        inputs = [x if x.dtype.kind in "biu" else (x * factor).astype(x.dtype) for x in first.theirs.inputs]
        yield f"the input times {factor:g}", _on(first.theirs, first.pair.torch_module, inputs), flax_module


def _weights(first: Compared, flax_module: Any, notes: list[str]) -> Iterator[Trial]:
    module = copy.deepcopy(first.pair.torch_module)
    rng = np.random.default_rng(first.theirs.seed)

    def fill(tensor: torch.Tensor, numbers: np.ndarray) -> None:
        tensor.copy_(torch.from_numpy(numbers))

    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.is_floating_point() and not parameter.any():
                fill(parameter, 0.5 * rng.standard_normal(tuple(parameter.shape)))
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean") and not buffer.any():
                fill(buffer, 0.5 * rng.standard_normal(tuple(buffer.shape)))
            elif name.endswith("running_var") and (buffer == 1).all():
                fill(buffer, rng.uniform(0.5, 2.0, tuple(buffer.shape)))
    yield (
        "weights and statistics that are not 0 or 1",
        _on(first.theirs, module, first.theirs.inputs),
        flax_module,
    )


def _training(first: Compared, flax_module: Any, notes: list[str]) -> Iterator[Trial]:
    if first.pair.torch_module.training:
        return
    module = copy.deepcopy(first.pair.torch_module).train()
    for inner in module.modules():
        if "Dropout" in type(inner).__name__:
            inner.eval()
    ours = flax_module
    if isinstance(flax_module, nnx.Module):
        ours = nnx.clone(flax_module)
        ours.train()
        for _, dropping in nnx.iter_modules(ours):
            if "Dropout" in type(dropping).__name__:
                dropping.eval()
    elif not flax_network.network(flax_module, True).options:
        notes.append("training mode: not tried, since the Flax network's call takes no mode")
        return
    yield "training mode, without dropout", _on(first.theirs, module, first.theirs.inputs), ours


_TRIALS: dict[str, Callable[[Compared, Any, list[str]], Iterator[Trial]]] = {
    "size": _sizes,
    "batch": _batch,
    "scale": _scale,
    "weights": _weights,
    "training": _training,
}
