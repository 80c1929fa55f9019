"""torch's side, operation by operation."""

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from parity._diagnose.trace import lines
from parity._diagnose.trace.values import Memory, Step, Trace, Value
from parity._torch import network as torch_network
from parity._torch.tensors import from_numpy

Way = Callable[[Step, Mapping[Value, torch.Tensor]], list[torch.Tensor]]
"""Gives other results of an operation, with new values in the place of those that it was given."""

_NARROW = (torch.float32, torch.bfloat16, torch.float16)
_LAYOUT = frozenset(
    ["clone", "_unsafe_view", "_to_copy", "lift_fresh_copy", "lift_fresh", "copy", "_reshape_alias"]
)
_VALUE = "_parity_value"
INPUT = "an input"
"""The name of a value that the network is given."""


class _Recorder(TorchDispatchMode):
    """Notes every ATen operation. What is cast to a narrower format stays in float64."""

    def __init__(self, trace: Trace, memory: Memory, inside: list[str]):
        super().__init__()
        self.trace, self.memory, self.inside = trace, memory, inside
        self.mutation: Step | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = {k: torch.float64 if v in _NARROW else v for k, v in (kwargs or {}).items()}
        given = tree_map(lambda x: self.value(x) if isinstance(x, torch.Tensor) else x, (tuple(args), kwargs))
        if func._schema.is_mutable:
            self._detach(args)
        result = func(*args, **kwargs)
        name = func._schema.name.partition("::")[2]
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in func._schema.returns)
        inputs = [x for x in tree_flatten(given)[0] if isinstance(x, Value)]
        moves = any(x.moves for x in inputs)
        tensors = [x for x in tree_flatten(result)[0] if isinstance(x, torch.Tensor)]
        # Autograd counts an argument's new version when the operation that wrote it has returned.
        written = [t for t in tree_flatten((args, kwargs))[0] if func._schema.is_mutable]
        outputs = [_named(t, Value(t, moves), int(any(t is x for x in written))) for t in tensors]
        step = Step(
            name.rstrip("_"), inputs, outputs, lines.here(), is_view or name in _LAYOUT, "", func, given
        )
        step.layer = self.inside[-1] if self.inside else ""
        self.trace.add(step)
        self.memory.keep(outputs)
        for value in outputs:
            value.forget()
        self.mutation = step if func._schema.is_mutable else self.mutation
        return result

    def value(self, tensor: torch.Tensor) -> Value:
        """The value that a tensor has now."""
        version, value = getattr(tensor, _VALUE, (None, None))
        if value is not None and version == tensor._version:
            return value
        # A constant, or a tensor that was changed through another view of it.
        by = self.mutation if value is not None else None
        moves = value is not None and (value.moves or (by is not None and any(x.moves for x in by.inputs)))
        new = Value(tensor, moves, by)
        return _named(tensor, new)

    def _detach(self, args: Any) -> None:
        """What is about to be overwritten gets a copy of its numbers."""
        storages = {x.untyped_storage().data_ptr() for x in args if isinstance(x, torch.Tensor)}
        for value in self.trace.values():
            data = value.data
            if isinstance(data, torch.Tensor) and data.untyped_storage().data_ptr() in storages:
                value.data = data.detach().clone()


def _named(tensor: torch.Tensor, value: Value, later: int = 0) -> Value:
    """The value that the tensor has at this version, or so many versions later."""
    setattr(tensor, _VALUE, (tensor._version + later, value))
    return value


def trace(
    module: torch.nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], limit: int, skip: int = 0
) -> Trace:
    """Runs a network or a layer forward in float64.

    Args:
        module: in its mode; it stays as it was.
        args, kwargs: arrays in the place of tensors.
        limit, skip: which values keep their numbers, as of `Memory`.
    """
    own = copy.deepcopy(module)._apply(torch_network.widest)
    found = Trace()
    memory = Memory(found, limit, skip)
    inside: list[str] = []

    def leaf(tensor: torch.Tensor) -> torch.Tensor:
        found.leaves.append(_named(tensor, Value(tensor, True)))
        return tensor

    def tensor(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        floating = x.dtype.kind not in "biu"
        # What is done to an input in place must not meet a leaf of autograd.
        own = from_numpy(torch_network.widest(x)).requires_grad_() * 1 if floating else from_numpy(x)
        leaf(own)
        found.names[found.leaves[-1]] = INPUT
        return own

    given = [tree_map(tensor, a) for a in args], {k: tree_map(tensor, v) for k, v in kwargs.items()}
    for name, held in (*own.named_parameters(), *own.named_buffers()):
        leaf(held)
        found.names[found.leaves[-1]] = name
    with (
        sdpa_kernel(SDPBackend.MATH),
        torch_network.widest_by_default(),
        _layers(own, inside),
        _Recorder(found, memory, inside) as recorder,
    ):
        result = own(*given[0], **given[1])
    found.outputs = [recorder.value(y) for y in torch_network.inexact(result)]
    for y, value in zip(torch_network.inexact(result), found.outputs, strict=True):
        value.data = y  # outputs are compared, whatever memory there is
    return found


@contextmanager
def _layers(module: torch.nn.Module, inside: list[str]) -> Iterator[None]:
    handles = []

    def leave(*_: Any) -> None:
        inside.pop()

    for name, layer in module.named_modules():
        handles.append(layer.register_forward_pre_hook(lambda _, __, n=name: inside.append(n)))
        handles.append(layer.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def gradients(trace: Trace, cotangents: Sequence[np.ndarray]) -> dict[Value, np.ndarray]:
    """The gradients with respect to all that a network computes, or is given; zero where none arrives."""
    values = [v for v in trace.values() if v.floating and v.data is not None]
    taking = [v for v in values if v.data.requires_grad]
    live = [
        (y.data, from_numpy(torch_network.widest(ct)))
        for y, ct in zip(trace.outputs, cotangents, strict=True)
        if y.data.requires_grad
    ]
    if not live or not taking:
        return {v: np.zeros(v.shape) for v in values}
    ys, cts = zip(*live, strict=True)
    found = torch.autograd.grad(ys, [v.data for v in taking], cts, allow_unused=True)
    arrived = {v: g.numpy() for v, g in zip(taking, found, strict=True) if g is not None}
    return {v: arrived.get(v, np.zeros(v.shape)) for v in values}


def replay(
    trace: Trace,
    values: Mapping[Value, torch.Tensor],
    slots: Mapping[tuple[Step, int], torch.Tensor] | None = None,
    ways: Mapping[Step, Way] | None = None,
) -> dict[Value, torch.Tensor]:
    """Computes everything anew that depends on what is changed.

    Args:
        trace: of torch's network, with its numbers.
        values: what stands in the place of what was computed.
        slots: what single operations take in the place of single inputs, by the inputs' numbers.
        ways: what is computed in the place of operations.

    Returns:
        All that is new, `values` among it.
    """
    new, slots, ways = dict(values), slots or {}, ways or {}
    changed = {*(step for step, _ in slots), *ways}
    with torch.no_grad():
        for step in trace.steps:
            if not (step in changed or any(x in new for x in step.inputs)):
                continue
            if all(y in values for y in step.outputs):
                continue
            results = ways[step](step, new) if step in ways else compute(step, new, slots)
            for old, result in zip(step.outputs, results, strict=False):
                new.setdefault(old, result)
    return new


def compute(
    step: Step,
    values: Mapping[Value, torch.Tensor],
    slots: Mapping[tuple[Step, int], torch.Tensor] | None = None,
) -> list[torch.Tensor]:
    """Computes one operation with other inputs."""
    count = iter(range(len(step.inputs)))

    def tensor(x: Any) -> Any:
        if not isinstance(x, Value):
            return x
        slot = (step, next(count))
        found = slots[slot] if slots and slot in slots else values.get(x, x.data)
        return found.detach().clone() if step.compute._schema.is_mutable else found.detach()  # type: ignore

    args, kwargs = tree_map(tensor, step.arguments)
    _check_shapes(step, [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)])
    result = step.compute(*args, **kwargs)
    return [y for y in tree_flatten(result)[0] if isinstance(y, torch.Tensor)]


_UNCHECKED = ("batch_norm", "rnn", "lstm", "gru", "_scaled_dot_product", "embedding_bag", "_backward")
"""In names of operations that write beyond their arrays if the shapes do not fit: torch checks them earlier."""


def _check_shapes(step: Step, given: Sequence[torch.Tensor]) -> None:
    """Refuses such an operation if its inputs have other shapes than in torch's network; batches may differ."""
    if not any(word in step.name for word in _UNCHECKED):
        return
    first = True
    for x, value in zip(given, step.inputs, strict=True):
        # Of the first, which has samples and positions, the channels count in a norm.
        count = slice(1, 2) if first and "batch_norm" in step.name else slice(None)
        if len(x.shape) != len(value.shape) or tuple(x.shape[count]) != tuple(value.shape[count]):
            raise ValueError(f"{step.name} was given {tuple(x.shape)} in the place of {value.shape}")
        first = False
