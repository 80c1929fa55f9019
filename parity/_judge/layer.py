"""What a layer of torch's should give, and how far rounding may take ours, for any layer.

The value is torch's own in float64. The bound is a running error analysis of what our layer does (`_bounds.rounding`);
for convolution and max pooling both come from a NumPy implementation of the definition (`_bounds.definition`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch

from parity._bounds import definition, rounding, tolerance
from parity._bounds import jax_internals as internals
from parity._bounds.reference import Reference, roundoff
from parity._bounds.tolerance import Arithmetic
from parity._flax import run as flax_run
from parity._flax.network import Part
from parity._judge import returned
from parity._judge.verdict import Verdict, failed, judge
from parity._torch import network as torch_network
from parity._torch.network import Arrays, Call, inexact
from parity._torch.original import LayerRun
from parity._torch.tensors import to_numpy

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
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray | None
) -> dict[str, Reference]:
    return definition.conv_layer(_arguments(module, _CONV), x, params, cotangent)


def _max_pool(
    module: torch.nn.Module, x: np.ndarray, params: Mapping[str, np.ndarray], cotangent: np.ndarray | None
) -> dict[str, Reference]:
    ndim = int(type(module).__name__[-2])
    outputs = definition.max_pool_layer(_arguments(module, _MAX_POOL), x, cotangent, ndim)
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
_RENAMED = {"y": "output"}


def _of_coordinates(call: Call, how: Arithmetic) -> float:
    """The error of the weights that resizing makes from coordinates: these have a few roundings of numbers up to n."""
    if not type(call.module).__name__.startswith("Upsampl"):
        return 0.0
    shapes = [call.args[0].shape[2:], call.outputs[0][0][2:]]
    return 8 * max(n for shape in shapes for n in shape) * max(how.accumulate, roundoff(np.float64))


def defined(
    references: Mapping[str, Reference], how: Arithmetic, of_torch: Arithmetic
) -> dict[str, Expected]:
    """What follows from a definition.

    Args:
        references: the results by name.
        how: what our layer computes in.
        of_torch: what torch's computes in.
    """
    return {
        name: Expected(ref.value, None, np.zeros(ref.value.shape))
        if ref.is_exact
        else Expected(ref.value, tolerance.bound(ref, how), tolerance.bound(ref, of_torch.narrow()))
        for name, ref in references.items()
    }


def precision(part: Part) -> str:
    """JAX's matmul precision in force for a layer or network."""
    chosen = internals.default_matmul_precision() if part.precision is None else part.precision
    if isinstance(chosen, tuple | list):  # of both factors: the less exact one counts
        return min((spelled(p) for p in chosen), key=("default", "high", "highest").index)
    return spelled(chosen)


def spelled(precision: Any) -> str:
    """One of JAX's precisions by one name: 'default', 'high' or 'highest'."""
    name = "default" if precision is None else str(getattr(precision, "name", precision)).lower()
    aliases = {"float32": "highest", "tensorfloat32": "high", "bfloat16_3x": "high"}
    return aliases.get(name, {"bfloat16": "default", "fastest": "default"}.get(name, name))


class JudgedLayer:
    """A layer of torch's and ours on the same input, forward and backward, with a verdict on every result.

    Everything is computed once, when it is first asked for. A diagnosis takes the results, the arithmetic and the
    limits from here, so that a cause is judged as the layer was.

    Args:
        run: torch's layer, what it is given, and what it makes of it.
        part: ours, holding the same weights.
        device: where ours runs; JAX's default device by default.
    """

    def __init__(self, run: LayerRun, part: Part, device: jax.Device | None = None):
        self.run, self.part, self.device = run, part, device

    @cached_property
    def _attempt(self) -> Arrays | Exception:
        call = self.run.call
        with jax.default_device(self.device):
            try:
                return flax_run.run(self.part, call.args, call.kwargs, self.run.pulled_back, self.run.buffers)
            except Exception as error:
                return error

    @property
    def ours(self) -> Arrays:
        """Our results; none if our layer refused the input."""
        return {} if isinstance(self._attempt, Exception) else self._attempt

    @property
    def refusal(self) -> Exception | None:
        """Why our layer did not take torch's input, if it did not."""
        return self._attempt if isinstance(self._attempt, Exception) else None

    @property
    def dtype(self) -> np.dtype:
        """Of the first output that is rounded; what has none still has the gradients of its inputs, all zero."""
        call = self.run.call
        rounded = [*self.run.cotangents, *inexact((call.args, call.kwargs)), np.zeros(0, np.float32)]
        return rounded[0].dtype

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """What our layer computes in, on its device and in its precision."""
        call, cotangents = self.run.call, self.run.cotangents
        platform = jax.default_backend() if self.device is None else self.device.platform
        how = tolerance.arithmetic(self.dtype, platform, precision(self.part))
        in_half = flax_run.sums_in_half(self.part, call.args, call.kwargs, cotangents)
        return replace(how, sums=how.store) if in_half else how

    @cached_property
    def limits(self) -> Arrays:
        """How far rounding may take each of our results, derived from what our layer does.

        Raises:
            parity._bounds.rounding.UnknownPrimitive: our layer does something that no bound is known for.
        """
        return self.limits_in(self.arithmetic)

    def limits_in(self, how: Arithmetic) -> Arrays:
        """The limits if our layer computed in another arithmetic; raises as `limits` does."""
        run, call = self.run, self.run.call
        with jax.default_device(self.device):
            limits = flax_run.bounds(
                self.part,
                call.args,
                call.kwargs,
                run.pulled_back,
                run.buffers,
                how,
                _of_coordinates(call, how),
            )
        if how.store == roundoff(np.float64):
            # torch's float64 is as far off as ours may be, and where terms cancel, farther.
            also = {n: u for n, u in run.uncertainty.items() if n in limits and u.shape == limits[n].shape}
            limits = {name: 2 * limit + also.get(name, 0.0) for name, limit in limits.items()}
        return limits

    @cached_property
    def expected(self) -> dict[str, Expected]:
        """What the layer gives and its gradients, by the names of `parity._torch.network.run`; raises as `limits`."""
        run, call = self.run, self.run.call
        # Only the class itself is known: a subclass may compute anything.
        define = _DEFINED.get(type(call.module))
        params = {name: to_numpy(p) for name, p in call.module.state_dict().items()}
        if (
            define is not None
            and params.keys() <= {"weight", "bias"}
            and len(call.args) == 1
            and not call.kwargs
            and 0 not in call.args[0].shape[1:]
        ):
            references = define(call.module, call.args[0], params, next(iter(run.pulled_back or ()), None))
            named = dict(zip(self._names(references), references.values(), strict=True))
            return defined(named, self.arithmetic, tolerance.arithmetic(self.dtype))  # torch runs on the CPU
        limits = self.limits
        return {
            name: Expected(v, limits.get(name) if v.dtype.kind in "fc" else None)
            for name, v in run.wide.items()
        }

    def _names(self, references: Mapping[str, Reference]) -> list[str]:
        """The references' names as `parity._torch.network.run` has them: what is no floating output is an index."""
        exact = [
            name for name in references if name == "indices" or (name == "y" and not self.run.cotangents)
        ]
        indices = iter(torch_network.names("index", len(exact)))
        return [next(indices) if name in exact else _RENAMED.get(name, name) for name in references]

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """One for each result."""
        if not any(name.startswith(("output", "index")) for name in self.run.theirs):
            return (failed("layer", "torch's layer returns no tensor: not judged"),)
        if self.refusal is not None:
            return (failed("layer", f"the Flax layer refused torch's input: {_briefly(self.refusal)}"),)
        if text := returned.difference(self.ours, self.run.theirs, self.run.call.module):
            return (failed("layer", text),)
        try:
            wanted = self.expected
        except rounding.UnknownPrimitive as error:
            return (failed("layer", f"not judged: {error}"),)
        return tuple(judge_all(self.ours, self.run.theirs, wanted))


def judge_all(ours: Arrays, theirs: Arrays, wanted: Mapping[str, Expected]) -> list[Verdict]:
    """One verdict for each result that is expected or that a side has; one that a side lacks is a failure."""
    return [_judge(name, ours, theirs, wanted) for name in dict.fromkeys([*wanted, *theirs, *ours])]


def _briefly(error: Exception) -> str:
    """The first lines of an error. XLA's own has the whole program behind them."""
    text = str(error).strip()
    return text if len(text) <= _LONG else f"{type(error).__name__}: {text[:_LONG].rstrip()}..."


_LONG = 500
"""Characters of an error that are shown."""


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
