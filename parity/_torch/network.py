"""The torch side of a whole network: its layers' inputs and gradients, and what rounding may do to its result."""

import copy
import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_map

from parity._bounds.tolerance import Arithmetic
from parity._torch.monte_carlo import Wide
from parity._torch.plain import copied
from parity._torch.tensors import from_numpy, to_numpy

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Call:
    """One call of one layer (a module without child modules), as it happened inside the network.

    Attributes:
        name: the module's path; of a second call of the same module 'path#2'.
        module: the module, as it was before the call.
        args, kwargs: what it was called with, arrays in the place of tensors.
        outputs: the shape and dtype of each floating or complex array that it gave.
    """

    name: str
    module: torch.nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[tuple[tuple[int, ...], np.dtype], ...]

    @property
    def path(self) -> str:
        """The module's path."""
        return self.name.partition("#")[0]


def layers(module: torch.nn.Module) -> dict[str, torch.nn.Module]:
    """The modules without child modules, by path, shared ones under each; the network, should it be one, under ''."""
    return {name: m for name, m in module.named_modules(remove_duplicate=False) if not list(m.children())}


def _arrays_of(leaf: Any) -> list[Any]:
    return [leaf] if isinstance(leaf, torch.Tensor | np.ndarray) else []


def leaves(result: Any, of: Callable[[Any], list[Any]] = _arrays_of) -> list[Any]:
    """The tensors or arrays in a result: of a dict or a dataclass in the order of its names, as JAX has a dict's.

    `of` lists the arrays of anything that is no tuple, list, dict or dataclass.
    """
    if dataclasses.is_dataclass(result) and not isinstance(result, Mapping | type):
        result = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    if isinstance(result, Mapping):
        return [leaf for key in sorted(result, key=str) for leaf in leaves(result[key], of)]
    if isinstance(result, list | tuple):
        return [leaf for item in result for leaf in leaves(item, of)]
    return of(result)


def inexact(result: Any) -> list[Any]:
    """Those of `leaves` that are floating or complex."""
    return [x for x in leaves(result) if _is_inexact(x)]


def _is_inexact(x: Any) -> bool:
    if isinstance(x, torch.Tensor):
        return x.is_floating_point() or x.is_complex()
    return isinstance(x, np.ndarray) and x.dtype.kind not in "biu"


def widest(x: Any) -> Any:
    """A tensor or an array in float64 or complex128, if it is floating or complex."""
    if isinstance(x, torch.Tensor):
        return x.to(torch.complex128 if x.is_complex() else torch.float64) if _is_inexact(x) else x
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


@contextmanager
def widest_by_default() -> Iterator[None]:
    """What a network makes anew, as a state of zeros, is in float64 too: a matrix product takes no two formats."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def copy_of(module: torch.nn.Module) -> torch.nn.Module:
    """A copy on the CPU, to convert and to run without touching the original. All its parameters take gradients.

    Raises:
        TypeError: as of `parity._torch.plain.copied`.
    """
    own = copied(module).cpu()
    for parameter in own.parameters():
        if parameter.is_floating_point():
            parameter.requires_grad_()
    return own


def _outputs(result: Any) -> list[torch.Tensor]:
    tensors = leaves(result)
    if not tensors:
        raise TypeError(
            f"the torch module must return tensors (one, or a tuple, dict or dataclass of them), "
            f"got {type(result).__name__}"
        )
    return tensors


def forward(module: torch.nn.Module, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The network's outputs. The module stays as it was."""
    with torch.no_grad():
        return [to_numpy(y) for y in _outputs(copy.deepcopy(module)(*map(from_numpy, inputs)))]


def calls(
    module: torch.nn.Module, inputs: Sequence[np.ndarray], keep: Collection[str] | None = None
) -> tuple[Call, ...]:
    """What each layer is given inside the network, in the order of the calls. The module stays as it was.

    Args:
        module, inputs: the network and what it is given.
        keep: the calls whose arrays are wanted; the others get zeros that take no memory. All by default.
    """
    found: list[Call] = []
    module, pristine = copy.deepcopy(module), module
    before = dict(pristine.named_modules(remove_duplicate=False))
    with torch.no_grad(), _noted(module, before, found, keep):
        module(*map(from_numpy, inputs))
    return tuple(found)


@contextmanager
def _noted(
    module: torch.nn.Module,
    before: Mapping[str, torch.nn.Module],
    found: list[Call],
    keep: Collection[str] | None,
) -> Iterator[None]:
    counts: dict[str, int] = {}
    handles = []

    def hook(name: str, layer: torch.nn.Module) -> None:
        running: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []

        def pre(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            counts[name] = counts.get(name, 0) + 1
            call = name if counts[name] == 1 else f"{name}#{counts[name]}"
            arrays = _arrays if keep is None or call in keep else _shapes
            running.append((call, arrays(args), arrays(dict(sorted(kwargs.items())))))

        def post(_: Any, args: Any, kwargs: Any, output: Any) -> None:
            call, given, named = running.pop()
            outputs = tuple((tuple(y.shape), to_numpy(y[:0] if y.ndim else y).dtype) for y in inexact(output))
            found.append(Call(call, before[name], given, named, outputs))

        handles.append(layer.register_forward_pre_hook(pre, with_kwargs=True))
        handles.append(layer.register_forward_hook(post, with_kwargs=True))

    hooked = {id(layer): (name, layer) for name, layer in reversed(layers(module).items())}
    for name, layer in hooked.values():
        hook(name, layer)
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _arrays(tree: Any) -> Any:
    return tree_map(lambda x: to_numpy(x.clone()) if isinstance(x, torch.Tensor) else x, tree)


def _shapes(tree: Any) -> Any:
    def shape(x: Any) -> Any:
        if not isinstance(x, torch.Tensor):
            return x
        return np.broadcast_to(np.zeros((), to_numpy(x.new_empty(0)).dtype), tuple(x.shape))

    return tree_map(shape, tree)


def names(kind: str, count: int) -> list[str]:
    """`kind`, or `kind.0`, `kind.1`, ... of several."""
    return [kind] if count == 1 else [f"{kind}.{i}" for i in range(count)]


def without_gradients(results: Arrays) -> Arrays:
    """What `run` gives without a backward pass."""
    return {name: array for name, array in results.items() if not name.startswith("grad.")}


def run(
    module: torch.nn.Module,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    cotangents: Sequence[np.ndarray] | None,
    wide: bool = False,
    noise: tuple[Arithmetic, int] | None = None,
) -> Arrays:
    """One forward and backward pass of a network or a layer, which stays as it was.

    Args:
        module: in the mode in which it is to run.
        args, kwargs: arrays in the place of tensors.
        cotangents: one for each floating output; None for no backward pass.
        wide: whether to run in float64.
        noise: an arithmetic and a seed: moves every operation's result by what rounding may do to it.

    Returns:
        `output`, `grad.input`, (`output.0`, ... of several), `grad.<parameter>` under each name of a tied one,
        `index.0`, ... for integer outputs, and in training mode `buffer.<name>`. An unused parameter's gradient is
        zero, as for JAX. Without a backward pass there are no gradients.
    """
    own = copy.deepcopy(module)
    own = own._apply(widest) if wide else own
    sources: list[torch.Tensor] = []

    def tensor(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        if not _is_inexact(x):
            return from_numpy(x)
        sources.append(from_numpy(widest(x) if wide else x).requires_grad_())
        return sources[-1].clone()  # what is done to it in place must not meet a leaf

    given = [tree_map(tensor, a) for a in args], {k: tree_map(tensor, v) for k, v in kwargs.items()}
    parameters = dict(own.named_parameters(remove_duplicate=False))
    cts = [from_numpy(widest(ct) if wide else ct) for ct in cotangents or ()]
    # Attention in one piece has no steps that noise could be put into, and no float64 on some machines.
    with (
        sdpa_kernel(SDPBackend.MATH) if wide else nullcontext(),
        widest_by_default() if wide else nullcontext(),
        Wide(*(noise or ())) if wide else nullcontext(),
    ):
        result = own(*given[0], **given[1])
        outputs = inexact(result)
        wanted = [*sources, *(p for p in parameters.values() if p.requires_grad)]
        live = [(y, ct) for y, ct in zip(outputs, cts, strict=cotangents is not None) if y.requires_grad]
        grads: Sequence[Any] = [None] * len(wanted)
        if live and wanted:
            ys, cotangents_of = zip(*live, strict=True)
            grads = torch.autograd.grad(ys, wanted, cotangents_of, allow_unused=True)
    by_id = {id(w): torch.zeros_like(w) if g is None else g for w, g in zip(wanted, grads, strict=True)}
    named = dict(zip(names("output", len(outputs)), outputs, strict=True))
    other = [x for x in leaves(result) if not _is_inexact(x)]
    named |= dict(zip(names("index", len(other)), other, strict=True))
    if cotangents is not None:
        named |= {
            f"grad.{n}": by_id[id(x)] for n, x in zip(names("input", len(sources)), sources, strict=True)
        }
        named |= {f"grad.{n}": by_id[id(p)] for n, p in parameters.items() if id(p) in by_id}
    if own.training:
        saved = own.state_dict()  # without those that are the module's own affair (persistent=False)
        named |= {f"buffer.{n}": b for n, b in own.named_buffers() if n in saved}
    return {name: to_numpy(t) for name, t in named.items()}
