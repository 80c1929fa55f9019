"""Calls of torch's functions as networks: torch's own samples (OpInfo), and the ATen operators that these end in."""

import warnings
from typing import Any, NamedTuple

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_map, tree_unflatten

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db


class Call(NamedTuple):
    """A function of torch's and its arguments."""

    name: str
    function: Any
    args: tuple
    kwargs: dict

    def tensors(self):
        """The arguments' tensors, in order."""
        return [x for x in tree_leaves((self.args, self.kwargs)) if isinstance(x, torch.Tensor)]


class Calls(torch.nn.Module):
    """The results of several calls, whose tensors are the network's inputs."""

    def __init__(self, calls):
        super().__init__()
        self.calls = [
            (c.function, *tree_flatten((c.args, c.kwargs), lambda x: isinstance(x, torch.Size)))
            for c in calls
        ]

    def forward(self, *tensors):
        given, results = iter(tensors), []
        for function, leaves, tree in self.calls:
            args, kwargs = tree_unflatten(
                [next(given) if isinstance(x, torch.Tensor) else x for x in leaves], tree
            )
            found = tree_leaves(function(*args, **kwargs))
            results += [x for x in found if isinstance(x, torch.Tensor) and x.numel()]
        return tuple(results)


def _name(op):
    return f"{op.name}-{op.variant_test_name}" if op.variant_test_name else op.name


def samples(op, dtype=torch.float32, most=4):
    """Calls with the first of an OpInfo's samples that have numbers in them."""
    calls = []
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        for sample in op.sample_inputs("cpu", dtype, requires_grad=False):
            call = Call(_name(op), op.op, (sample.input, *sample.args), sample.kwargs)
            if all(x.numel() for x in call.tensors()) and call.tensors():
                calls.append(call)
            if len(calls) == most:
                break
    return calls


class _Recorder(TorchDispatchMode):
    """Keeps the first calls of each wanted operator."""

    def __init__(self, wanted, most):
        super().__init__()
        self.wanted, self.most = wanted, most
        self.found = {op: [] for op in wanted}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self.wanted and len(self.found[func]) < self.most:
            copied = tree_map(
                lambda x: x.detach().clone() if isinstance(x, torch.Tensor) else x, (args, kwargs)
            )
            call = Call(str(func), func, *copied)
            if _plain(call):
                self.found[func].append(call)
        return func(*args, **kwargs)


def _plain(call):
    """Whether JAX without 64-bit types has the call's tensors, and they have numbers in them."""
    tensors = call.tensors()
    wide = (torch.float64, torch.complex128)
    return bool(tensors) and all(0 < x.numel() < 500 and x.ndim and x.dtype not in wide for x in tensors)


def record(wanted, names, most):
    """Calls of ATen's operators, those of the backward passes too, that torch's samples of these names end in."""
    recorder = _Recorder(wanted, most)
    with warnings.catch_warnings(), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        for op in op_db:
            if _name(op) not in names or torch.float32 not in op.dtypes:
                continue
            for _, sample in zip(
                range(6), op.sample_inputs("cpu", torch.float32, op.supports_autograd), strict=False
            ):
                with recorder:
                    y = tree_leaves(op.op(sample.input, *sample.args, **sample.kwargs))
                    y = [t.abs().sum() for t in y if isinstance(t, torch.Tensor) and t.requires_grad]
                    if y:
                        sum(y).backward()
    return recorder.found
