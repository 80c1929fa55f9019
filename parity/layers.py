"""What a layer of torch's should give, and how far rounding may take ours, for any layer.

The value is torch's own in float64. The bound is a running error analysis of what our layer does (`parity.rounding`);
for convolution and max pooling both come from a NumPy implementation of the definition (`parity.reference`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import torch

from parity import flax_run, reference, returned, rounding, tolerance
from parity.compare import Verdict, failed, judge
from parity.flax_network import Part
from parity.original import LayerRun
from parity.reference import Reference
from parity.tolerance import Arithmetic
from parity.torch_network import Arrays, Call
from parity.torch_side import to_numpy

_CONV = ("stride", "padding", "dilation", "groups", "padding_mode")
_MAX_POOL = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


@dataclass(frozen=True)
class Expected:
    """What a result should be.

    Attributes:
        value: in a wider format.
        bound: how far ours may be off; None where it has to be met bit for bit.
        torch_bound: for torch's own result where `value` is not torch's: should torch leave it, `value` is wrong.
    """

    value: np.ndarray
    bound: np.ndarray | None
    torch_bound: np.ndarray | None = None


def _arguments(module: torch.nn.Module, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(module, name) for name in names}


def _conv(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray
) -> dict[str, Reference]:
    return reference.conv_layer(_arguments(module, _CONV), x, params, cotangent)


def _max_pool(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray
) -> dict[str, Reference]:
    ndim = int(type(module).__name__[-2])
    outputs = reference.max_pool_layer(_arguments(module, _MAX_POOL), x, cotangent, ndim)
    if not module.return_indices:
        del outputs["indices"]
    return outputs


_DEFINED: dict[type[torch.nn.Module], Callable[..., dict[str, Reference]]] = {
    torch.nn.Conv1d: _conv,
    torch.nn.Conv2d: _conv,
    torch.nn.Conv3d: _conv,
    torch.nn.MaxPool1d: _max_pool,
    torch.nn.MaxPool2d: _max_pool,
    torch.nn.MaxPool3d: _max_pool,
}
_RENAMED = {"y": "output", "indices": "index"}


def expected(run: LayerRun, part: Part, how: Arithmetic) -> dict[str, Expected]:
    """What the layer gives and its gradients, by the names of `parity.torch_network.run`.

    Raises:
        parity.rounding.UnknownPrimitive: our layer does something that no bound is known for.
    """
    call, cotangents = run.call, run.cotangents
    # Only the class itself is known: a subclass may compute anything.
    define = _DEFINED.get(type(call.module))
    if define is not None and len(call.args) == 1 and not call.kwargs and call.args[0].size:
        params = {name: to_numpy(p) for name, p in call.module.named_parameters()}
        defined = define(call.module, call.args[0], params, cotangents[0])
        if flax_run.sums_in_half(part, call.args, call.kwargs, cotangents):
            how = replace(how, sums=how.store)
        return {_RENAMED.get(name, name): _defined(ref, how) for name, ref in defined.items()}
    limits = flax_run.bounds(
        part, call.args, call.kwargs, cotangents, run.buffers, how, _of_coordinates(call, how)
    )
    if (
        cotangents[0].dtype == np.float64
    ):  # torch's float64 is as far off as ours may be, and where terms cancel, farther
        limits = {name: 2 * limit + run.uncertainty.get(name, 0.0) for name, limit in limits.items()}
    return {
        name: Expected(v, limits.get(name) if v.dtype.kind == "f" else None) for name, v in run.wide.items()
    }


def _of_coordinates(call: Call, how: Arithmetic) -> float:
    """The error of the weights that resizing makes from coordinates: these have a few roundings of numbers up to n."""
    if not type(call.module).__name__.startswith("Upsampl"):
        return 0.0
    shapes = [call.args[0].shape[2:], call.outputs[0][0][2:]]
    return 8 * max(n for shape in shapes for n in shape) * max(how.accumulate, reference.roundoff(np.float64))


def _defined(ref: Reference, how: Arithmetic) -> Expected:
    if ref.is_exact:
        return Expected(ref.value, None, np.zeros(ref.value.shape))
    return Expected(ref.value, tolerance.bound(ref, how), tolerance.bound(ref, how.narrow()))


def precision(part: Part) -> str:
    """JAX's matmul precision in force for a layer or network."""
    chosen = jax.config.jax_default_matmul_precision if part.precision is None else part.precision  # type: ignore[attr-defined]
    if isinstance(chosen, tuple | list):  # of both factors: the less exact one counts
        return min((_spelled(p) for p in chosen), key=("default", "high", "highest").index)
    return _spelled(chosen)


def _spelled(precision: Any) -> str:
    name = "default" if precision is None else str(getattr(precision, "name", precision)).lower()
    aliases = {"float32": "highest", "tensorfloat32": "high", "bfloat16_3x": "high"}
    return aliases.get(name, {"bfloat16": "default", "fastest": "default"}.get(name, name))


def judge_layer(run: LayerRun, part: Part, device: jax.Device | None = None) -> tuple[Verdict, ...]:
    """Runs our layer forward and backward on what torch's was given, and judges every result.

    Args:
        run: torch's layer, what it is given, and what it makes of it.
        part: ours, holding the same weights.
        device: where ours runs; JAX's default device by default.
    """
    call, cotangents = run.call, run.cotangents
    if not call.outputs:
        return (failed("layer", "torch's layer gives no floating tensor: not judged"),)
    theirs = run.theirs
    with jax.default_device(device):
        try:
            ours = flax_run.run(part, call.args, call.kwargs, cotangents, run.buffers)
        except Exception as error:
            return (failed("layer", f"the Flax layer refused torch's input: {error}"),)
    if text := returned.difference(ours, theirs, call.module):
        return (failed("layer", text),)
    platform = jax.default_backend() if device is None else device.platform
    how = tolerance.arithmetic(cotangents[0].dtype, platform, precision(part))
    try:
        wanted = expected(run, part, how)
    except rounding.UnknownPrimitive as error:
        return (failed("layer", f"not judged: {error}"),)
    return tuple(_judge(name, ours, theirs, wanted) for name in dict.fromkeys([*wanted, *theirs, *ours]))


def _judge(name: str, ours: Arrays, theirs: Arrays, wanted: Mapping[str, Expected]) -> Verdict:
    shown = {renamed: name for name, renamed in _RENAMED.items()}.get(name, name)
    sides = {"the Flax layer's results": ours, "torch's results": theirs, "the reference": wanted}
    if missing := [side for side, results in sides.items() if name not in results]:
        return failed(shown, f"missing in {' and '.join(missing)}")
    mine, other, want = ours[name], theirs[name], wanted[name]
    if (
        other.dtype == np.int64 and mine.dtype == np.int32
    ):  # where JAX's 64-bit types are off: the same numbers
        mine = mine.astype(np.int64)
    return judge(shown, mine, other, want.value, want.bound, want.torch_bound, want.torch_bound is not None)
