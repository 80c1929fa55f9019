"""Whole networks: each layer judged on its own, and the network end to end."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
import torch

import jaxconv
from parity import flax_network, tolerance, torch_network
from parity.compare import Verdict, failed, judge_whole
from parity.flax_network import Part
from parity.layers import references
from parity.model_report import LayerReport, Report
from parity.reference import Reference
from parity.runner import judge_outputs
from parity.torch_network import Call
from parity.torch_side import to_numpy

_SAMPLES = 8
"""How often the float64 network runs with noise in every layer. More only make the allowance a little larger."""


def check(
    torch_module: torch.nn.Module,
    flax_module: Any,
    *inputs: Any,
    convert: Literal["to_flax", "to_torch"] | None = "to_flax",
    seed: int = 0,
) -> Report:
    """Whether a Flax network computes what a torch network computes, layer by layer and end to end.

    Every layer that torch calls is run on its own, forward and backward, on the input that it was given inside the
    torch network, by torch and by the Flax layer of the same path, and both results are held against a float64
    reference with a bound that is derived for each number (`parity.tolerance`). So an error is found where it is made,
    and nowhere else. Then the networks are run end to end, forward and backward; how far rounding may carry the result
    is measured by running torch's network in float64 with every layer's rounding drawn at random within its bound.
    Neither network is changed.

    Args:
        torch_module: in the mode (train, eval) in which it is to be compared.
        flax_module: an NNX module, a bound Linen module, or a pair (Linen module, variables). Its layers are found by
            torch's names.
        inputs: arrays or tensors in torch's layout, floating, not constant: a constant input could not tell a layout
            from another.
        convert: whose weights both networks get: 'to_flax' torch's, 'to_torch' ours; None leaves each its own.
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
    ours = flax_network.network(flax_module)
    torch_module = torch_network.copy_of(torch_module)
    if convert == "to_flax":
        ours = ours.with_weights(dict(torch_module.state_dict()))
    elif convert == "to_torch":
        torch_module.load_state_dict(jaxconv.to_torch(jaxconv.state_dict(ours.params)))
    rng = np.random.default_rng(seed)
    outputs = torch_network.forward(torch_module, arrays)
    again = torch_network.forward(torch_module, arrays)
    random = any(a.tobytes() != b.tobytes() for a, b in zip(outputs, again, strict=True))
    cotangents = [rng.standard_normal(y.shape).astype(y.dtype) for y in outputs]
    theirs = torch_network.run(torch_module, arrays, cotangents)
    parts = flax_network.layers(flax_module, ours, arrays)
    reports, bounds = [], {}
    for call in theirs.calls:
        report, bounds[call.name] = _check_layer(call, parts.get(call.name.partition("#")[0]), rng)
        reports.append(report)
    network = _check_network(torch_module, ours, arrays, cotangents, theirs.outputs, bounds, rng)
    problems = _problems(torch_module, theirs.calls, parts, arrays)
    if random:
        problems += ("torch's network gives another output each time (dropout?): call .eval() to compare it",)
    unseen = [
        i
        for i, y in enumerate(outputs)
        if not np.isfinite(y).any() or ((y == y.flat[0]).all() and y.size > 1)
    ]
    problems += tuple(
        f"torch's output {i} is constant or has no finite number: it shows nothing" for i in unseen
    )
    return Report(tuple(reports), network, problems)


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


def _problems(
    module: torch.nn.Module, calls: Sequence[Call], parts: Mapping[str, Part], inputs: Sequence[np.ndarray]
) -> tuple[str, ...]:
    """What would make a pass say nothing."""
    called = {call.name.partition("#")[0] for call in calls}
    problems = [] if calls else ["no layer was called: nothing was compared"]
    problems += [
        f"inputs[{i}] is constant: it cannot tell one layout from another"
        for i, x in enumerate(inputs)
        if x.size < 2 or (x == x.flat[0]).all()
    ]
    problems += [
        f"torch's layer {name!r} ({type(layer).__name__}) was never called: it was not compared"
        for name, layer in torch_network.layers(module).items()
        if name not in called
    ]
    problems += [
        f"the Flax layer {name!r} ({part.kind}) has no torch layer of that name"
        for name, part in parts.items()
        if name not in called
    ]
    return tuple(problems)


def _precision(part: Part | None) -> str:
    """JAX's matmul precision in force for a layer."""
    own = None if part is None else part.precision
    chosen = jax.config.jax_default_matmul_precision if own is None else own  # type: ignore[attr-defined]
    if isinstance(chosen, tuple | list):  # of both factors: the less exact one counts
        return min((_spelled(p) for p in chosen), key=("default", "high", "highest").index)
    return _spelled(chosen)


def _spelled(precision: Any) -> str:
    name = "default" if precision is None else str(getattr(precision, "name", precision)).lower()
    aliases = {"float32": "highest", "tensorfloat32": "high", "bfloat16_3x": "high"}
    return aliases.get(name, {"bfloat16": "default", "fastest": "default"}.get(name, name))


def _bounds(refs: Mapping[str, Reference], dtype: np.dtype, precision: str) -> dict[str, np.ndarray]:
    how = tolerance.arithmetic(dtype, jax.default_backend(), precision)
    return {name: tolerance.bound(ref, how) for name, ref in refs.items() if not ref.is_exact}


def _check_layer(
    call: Call, part: Part | None, rng: np.random.Generator
) -> tuple[LayerReport, dict[str, np.ndarray]]:
    """The layer's report, and what rounding may do to its output and gradients inside the network."""
    params = {name: to_numpy(p) for name, p in call.module.named_parameters()}
    kind, precision = type(call.module).__name__, _precision(part)
    inside = references(call.module, call.input, params, call.cotangent)
    bounds = {} if inside is None else _bounds(inside, call.input.dtype, precision)

    def report(*verdicts: Verdict) -> tuple[LayerReport, dict[str, np.ndarray]]:
        return LayerReport(call.name, kind, call.input.shape, call.cotangent.shape, verdicts), bounds

    if part is None:
        return report(failed("layer", "the Flax network has no layer of this name"))
    cotangent = rng.standard_normal(call.cotangent.shape).astype(call.cotangent.dtype)
    refs = references(call.module, call.input, params, cotangent)
    if refs is None:
        return report(failed("layer", f"no bound is known for torch's {kind}: not judged"))
    theirs = torch_network.run_layer(call.module, call.input, cotangent)
    try:
        ours = _run_layer(part, call.input, cotangent)
    except Exception as error:
        return report(failed("layer", f"the Flax layer refused torch's input: {error}"))
    platform = jax.default_backend()
    return report(*judge_outputs(ours, theirs, refs, str(call.input.dtype), platform, precision))


def _run_layer(part: Part, x: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    outputs, (d_input,), d_params = flax_network.run(part, [x], [cotangent])
    named = dict(zip(("y", "indices"), outputs, strict=False))
    if "indices" in named:  # int32 where JAX's 64-bit types are off: the same numbers
        named["indices"] = named["indices"].astype(np.int64)
    return named | {"grad.input": d_input} | {f"grad.{name}": g for name, g in d_params.items()}


def _check_network(
    module: torch.nn.Module,
    ours: Part,
    inputs: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    theirs: Mapping[str, np.ndarray],
    bounds: Mapping[str, Mapping[str, np.ndarray]],
    rng: np.random.Generator,
) -> tuple[Verdict, ...]:
    """The outputs and gradients of the whole network, one verdict each."""
    try:
        expected = flax_network.outputs_of(ours, inputs)
    except Exception as error:
        return (
            failed(
                "output",
                f"the Flax network does not run: {type(error).__name__}: {str(error).partition(chr(10))[0]}",
            ),
        )
    given = [name for name in theirs if not name.startswith("grad.")]
    if [tuple(y.shape) for y in expected] != [theirs[name].shape for name in given]:
        return (
            failed(
                "output", f"shapes {[y.shape for y in expected]}, in torch {[theirs[n].shape for n in given]}"
            ),
        )
    outputs, d_inputs, d_params = flax_network.run(ours, inputs, cotangents)
    of_inputs = [name for name in theirs if name.startswith("grad.")][: len(inputs)]
    grads = dict(zip(of_inputs, d_inputs, strict=True))
    grads |= {f"grad.{name}": g for name, g in d_params.items()}
    results = dict(zip(given, outputs, strict=True)) | grads
    exact = torch_network.in_float64(module, inputs, cotangents)
    moved = [torch_network.in_float64(module, inputs, cotangents, bounds, rng) for _ in range(_SAMPLES)]

    def rms(a: np.ndarray) -> float:
        return float(np.sqrt(np.mean(np.square(a[np.isfinite(a)])))) if np.isfinite(a).any() else 0.0

    verdicts = []
    for name, value in exact.items():
        if name not in results:
            verdicts.append(failed(name, "missing in the Flax network"))
            continue
        # Roundings between the layers (a mean, a residual sum) are in torch's own error only; those of a parameter's
        # gradient come after all noise.
        layer, _, parameter = name.removeprefix("grad.").rpartition(".")
        own = sum(
            rms(b[f"grad.{parameter}"])
            for n, b in bounds.items()
            if n.partition("#")[0] == layer and f"grad.{parameter}" in b
        )
        allowance = max(rms(m[name] - value) for m in moved) + rms(theirs[name] - value) + own
        verdicts.append(judge_whole(name, results[name], theirs[name], value, allowance))
    known = {f"grad.{name}" for name, _ in module.named_parameters(remove_duplicate=False)}
    extra = [name for name in results if name not in exact and name not in known]
    return (*verdicts, *(failed(name, "missing in torch's network") for name in extra))
