"""The torch side of a whole network: its layers' inputs and gradients, and what rounding may do to its result."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from parity.torch_side import from_numpy, to_numpy


@dataclass(frozen=True)
class Call:
    """One call of one layer (a module without child modules), as it happened inside the network.

    Attributes:
        name: the module's path; of a second call of the same module 'path#2'.
        module: the module.
        input: the first argument.
        cotangent: the gradient that reached the layer's output from the network's.
    """

    name: str
    module: torch.nn.Module
    input: np.ndarray
    cotangent: np.ndarray


@dataclass(frozen=True)
class Run:
    """A forward and a backward pass of the whole network.

    Attributes:
        calls: the layers in the order of their calls.
        outputs: `output` (`output.0`, ... of several), `grad.input.0`, ... and `grad.<parameter>`.
    """

    calls: tuple[Call, ...]
    outputs: dict[str, np.ndarray]


class _Inject(torch.autograd.Function):
    """The identity, plus given noise: one in the forward pass, one on the gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, forward: torch.Tensor, backward: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(backward)
        return x + forward

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        return grads[0] + ctx.saved_tensors[0], None, None


def layers(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The modules without child modules, by path; the network itself, should it be one, under ''."""
    return {name: m for name, m in module.named_modules() if not list(m.children())}


@contextmanager
def _hooked(module: torch.nn.Module, before: Any, after: Any) -> Iterator[None]:
    """Calls `before(name, module, input)` and `after(name, module, output)` around each layer; both replace."""
    counts: dict[str, int] = {}
    handles = []

    def hook(name: str, layer: torch.nn.Module) -> None:
        running: list[str] = []

        def pre(_: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
            if not args or not isinstance(args[0], torch.Tensor):
                raise TypeError(
                    f"layer {name!r} must be called with a tensor as its first, positional argument"
                )
            counts[name] = counts.get(name, 0) + 1
            running.append(name if counts[name] == 1 else f"{name}#{counts[name]}")
            return (before(running[-1], layer, args[0]), *args[1:])

        def post(_: Any, __: Any, output: Any) -> Any:
            call = running.pop()
            if isinstance(output, tuple):
                return (after(call, layer, output[0]), *output[1:])
            return after(call, layer, output)

        handles.append(layer.register_forward_pre_hook(pre))
        handles.append(layer.register_forward_hook(post))

    for name, layer in layers(module).items():
        hook(name, layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _leaves(result: Any) -> list[torch.Tensor]:
    tensors = [result] if isinstance(result, torch.Tensor) else result
    if not isinstance(tensors, list | tuple) or not all(isinstance(t, torch.Tensor) for t in tensors):
        raise TypeError(
            f"the torch module must return a tensor or a tuple of tensors, got {type(result).__name__}"
        )
    if other := [str(t.dtype) for t in tensors if not t.is_floating_point()]:
        raise TypeError(f"the torch module must return floating tensors, got {', '.join(other)}")
    return list(tensors)


def _names(kind: str, count: int) -> list[str]:
    return [kind] if count == 1 else [f"{kind}.{i}" for i in range(count)]


def _named(
    module: torch.nn.Module,
    inputs: Sequence[torch.Tensor],
    outputs: Sequence[torch.Tensor],
    grads: Sequence[Any],
) -> dict[str, np.ndarray]:
    sources = [*zip(_names("input", len(inputs)), inputs, strict=True), *module.named_parameters()]
    named = dict(zip(_names("output", len(outputs)), map(to_numpy, outputs), strict=True))
    for (name, source), grad in zip(sources, grads, strict=True):
        # An unused parameter's gradient is zero for JAX and None for torch.
        named[f"grad.{name}"] = to_numpy(torch.zeros_like(source) if grad is None else grad)
    return named


def copy_of(module: torch.nn.Module) -> torch.nn.Module:
    """A copy on the CPU, to convert and to run without touching the original. All its parameters take gradients."""
    if not isinstance(module, torch.nn.Module):
        raise TypeError(f"`torch_module` must be a torch.nn.Module, got {type(module).__name__}")
    own = copy.deepcopy(module).cpu()
    for parameter in own.parameters():
        parameter.requires_grad_()
    return own


def forward(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The network's outputs."""
    with torch.no_grad():
        return [to_numpy(y) for y in _leaves(copy.deepcopy(module)(*map(from_numpy, inputs)))]


def run(module: torch.nn.Module, inputs: Sequence[np.ndarray], cotangents: Sequence[np.ndarray]) -> Run:
    """Runs the network forward and backward, noting what each layer was given. The module stays as it was.

    Args:
        module: the network.
        inputs: floating arrays.
        cotangents: one for each output.
    """
    module = copy.deepcopy(module)
    seen: list[tuple[str, torch.nn.Module, torch.Tensor]] = []
    given: list[torch.Tensor] = []

    def before(name: str, layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        seen.append((name, layer, x.detach().clone()))
        return x

    def after(name: str, layer: torch.nn.Module, y: torch.Tensor) -> torch.Tensor:
        given.append(y)
        return y.clone()  # an activation in place must not change what was noted

    tensors = [from_numpy(x).requires_grad_() for x in inputs]
    with _hooked(module, before, after):
        outputs = _leaves(module(*tensors))
    sources = [*tensors, *module.parameters(), *given]
    grads = torch.autograd.grad(outputs, sources, [from_numpy(ct) for ct in cotangents], allow_unused=True)
    ours, theirs = grads[: len(grads) - len(given)], grads[len(grads) - len(given) :]
    calls = tuple(
        Call(name, layer, to_numpy(x), to_numpy(torch.zeros_like(y) if ct is None else ct))
        for (name, layer, x), y, ct in zip(seen, given, theirs, strict=True)
    )
    return Run(calls, _named(module, tensors, outputs, ours))


def run_layer(layer: torch.nn.Module, x: np.ndarray, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    """`y`, `indices`, `grad.input` and `grad.<parameter>` of one layer on its own."""
    tensor = from_numpy(x).requires_grad_()
    result = layer(tensor)
    y, indices = result if isinstance(result, tuple) else (result, None)
    parameters = dict(layer.named_parameters())
    grads = torch.autograd.grad(y, [tensor, *parameters.values()], from_numpy(cotangent))
    named = {f"grad.{name}": to_numpy(g) for name, g in zip(["input", *parameters], grads, strict=True)}
    return {"y": to_numpy(y)} | ({} if indices is None else {"indices": to_numpy(indices)}) | named


def in_float64(
    module: torch.nn.Module,
    inputs: Sequence[np.ndarray],
    cotangents: Sequence[np.ndarray],
    bounds: Mapping[str, Mapping[str, np.ndarray]] | None = None,
    rng: np.random.Generator | None = None,
) -> dict[str, np.ndarray]:
    """The network's outputs and gradients in float64.

    With `bounds` every layer's output and input gradient is moved by random noise, uniform within what rounding may do
    to it (`y` and `grad.input` of the call's bounds). How far the result moves shows how far the network carries the
    roundings inside it: Monte Carlo arithmetic (D. S. Parker, "Monte Carlo Arithmetic", UCLA 1997).
    """
    double = copy.deepcopy(module).double()

    def noise(name: str, which: str, like: torch.Tensor) -> torch.Tensor:
        limit = None if bounds is None else bounds.get(name, {}).get(which)
        if limit is None or rng is None:
            return torch.zeros_like(like)
        return torch.from_numpy(rng.uniform(-1, 1, limit.shape) * limit)

    def before(name: str, layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        return _Inject.apply(x, torch.zeros_like(x), noise(name, "grad.input", x))

    def after(name: str, layer: torch.nn.Module, y: torch.Tensor) -> torch.Tensor:
        return _Inject.apply(y, noise(name, "y", y), torch.zeros_like(y))

    tensors = [from_numpy(x.astype(np.float64)).requires_grad_() for x in inputs]
    with _hooked(double, before, after):
        outputs = _leaves(double(*tensors))
    wide = [from_numpy(ct.astype(np.float64)) for ct in cotangents]
    grads = torch.autograd.grad(outputs, [*tensors, *double.parameters()], wide, allow_unused=True)
    return _named(double, tensors, outputs, grads)
