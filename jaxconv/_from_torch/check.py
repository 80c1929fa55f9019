"""A converted network's result on its own example, compared with torch's."""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from jaxconv._files import as_numpy
from jaxconv._from_torch import hooks
from jaxconv._from_torch.binding import bind
from jaxconv._from_torch.module import TorchNetwork, draws, signature_at
from jaxconv._from_torch.own_copy import copies, own_copy
from jaxconv._from_torch.remedies import eager_error


def check_example(module: Any, network: TorchNetwork, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Refuses a conversion whose result on the example is not torch's.

    How much rounding explains is measured, not chosen. Torch runs the network twice: as it is, and with every input,
    parameter and intermediate result moved by one unit in its last place, up or down at random. Such moves come once
    for each operation, whereas an operation that adds n numbers may round n times: n roundings in random directions
    add up to about sqrt(n) of one, and n is at most the number of elements of the largest tensor that the network
    computes. A result is refused if it differs from torch's by more than sqrt(n) times the distance between torch's
    two results, and by more than sqrt(n) units in the last place of the result's largest element. A result of integers
    or truth values is refused if it differs from torch's and torch's two results agree.

    Raises:
        ValueError: the results differ in shape, or by more than that; torch cannot run the network on the example.

    Warns:
        UserWarning: nothing was compared, since torch's code does not run in a dispatch mode.
    """
    from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

    args, kwargs = tree_map(_of_jax_dtype, (args, kwargs))
    run = nnx.clone(network)
    given = tree_map(
        lambda x: jnp.asarray(as_numpy(x)) if hasattr(x, "untyped_storage") else x, (args, kwargs)
    )
    _, at = bind(run, *given)
    if draws(run, at):
        return
    try:
        theirs, moved = _both(module, args, kwargs)
    except Exception as error:
        if own_error := eager_error(module, args, kwargs):
            raise ValueError(
                f"torch itself cannot run {network.torch_class} on this example: {own_error}. Give an example "
                "that it takes, or `check=False`"
            ) from error
        warnings.warn(
            f"the converted {network.torch_class} was not compared with torch on its example, since torch's code "
            f"does not run in a dispatch mode ({type(error).__name__}: {str(error).strip().partition(chr(10))[0]}). "
            "parity.check compares the two networks",
            stacklevel=4,
        )
        return
    graph, state = nnx.split(run)
    numbers, tree = tree_flatten(given)
    arrays = {i: x for i, x in enumerate(numbers) if isinstance(x, jax.Array)}

    @jax.jit  # one compilation is quicker than one for each operation
    def call(state: Any, arrays: dict[int, jax.Array]) -> Any:
        args, kwargs = tree_unflatten([arrays.get(i, x) for i, x in enumerate(numbers)], tree)
        result = nnx.merge(graph, state)(*args, **kwargs)
        return [leaf for _, leaf in result_of.leaves(result, "output")]

    result_of = signature_at(run, at).result
    with jax.default_matmul_precision("highest"):
        ours = call(state, arrays)
    results = zip(result_of.places("output"), ours, theirs.leaves, moved.leaves, strict=True)
    problems = [
        f"`{name}` {problem}"
        for name, mine, exact, nudged in results
        if (problem := _problem(mine, exact, nudged, math.sqrt(moved.elements)))
    ]
    if problems:
        raise ValueError(
            f"the converted {network.torch_class} disagrees with torch on its own example: {'; '.join(problems)}. "
            "This is a fault of from_torch: please report the network; `check=False` converts it without this check"
        )


@dataclass
class _Run:
    """One of torch's runs: the result's leaves, and the number of elements of the largest tensor in it."""

    leaves: list[Any]
    elements: int


def _of_jax_dtype(leaf: Any) -> Any:
    """Without JAX's 64-bit types a float64 example is a float32 one."""
    import torch

    is_double = isinstance(leaf, torch.Tensor) and leaf.dtype == torch.float64
    return leaf.float() if is_double and jax.dtypes.canonicalize_dtype(np.float64) == np.float32 else leaf


def _problem(ours: Any, theirs: Any, moved: Any, roundings: float) -> str:
    """How a result differs from torch's by more than rounding explains; empty if it does not."""
    if not isinstance(theirs, np.ndarray):
        return "" if np.array_equal(ours, theirs) else f"is {ours}, torch's is {theirs}"
    ours = np.asarray(ours)
    if ours.shape != theirs.shape:
        return f"has shape {ours.shape}, torch's has {theirs.shape}"
    if ours.size == 0 or moved.shape != theirs.shape:
        return ""
    if theirs.dtype.kind in "iub":
        wrong = int((ours.astype(theirs.dtype) != theirs).sum())
        return f"differs at {wrong} of {ours.size} elements" if wrong and (moved == theirs).all() else ""
    unit = float(jnp.finfo(theirs.dtype).eps)
    wide = np.complex128 if theirs.dtype.kind == "c" else np.float64
    a, b, c = (x.astype(wide) for x in (ours, theirs, moved))
    finite = np.isfinite(b) & np.isfinite(c)
    if (np.isfinite(a) != np.isfinite(b))[np.isfinite(b) == np.isfinite(c)].any():
        return "is finite where torch's is not, or the reverse"
    if not finite.any():
        return ""
    difference = np.where(finite, np.abs(np.where(finite, a, 0) - np.where(finite, b, 0)), 0).max()
    spread = np.abs(np.where(finite, c, 0) - np.where(finite, b, 0)).max()
    allowed = roundings * max(spread, unit * np.abs(np.where(finite, b, 0)).max())
    if difference <= allowed:
        return ""
    return f"differs by {difference:.3g}, of which rounding explains {allowed:.3g}"


def _both(module: Any, args: Any, kwargs: Any) -> list[_Run]:
    """Torch's runs as it is and moved; with gradients for a network that takes some in its forward."""
    try:
        return [_torch(module, args, kwargs, nudge, False) for nudge in (False, True)]
    except Exception:
        return [_torch(module, args, kwargs, nudge, True) for nudge in (False, True)]


@contextmanager
def _cond_in_python() -> Iterator[None]:
    """torch.cond without torch's compiler, which knows no dispatch mode."""
    import torch

    compiled = torch.cond
    torch.cond = lambda pred, true_fn, false_fn, operands=(): (true_fn if pred else false_fn)(*operands)
    try:
        yield
    finally:
        torch.cond = compiled


def _torch(module: Any, args: Any, kwargs: Any, nudge: bool, gradients: bool) -> _Run:
    """Runs torch's network, and leaves it as it is."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_flatten

    generator = torch.Generator().manual_seed(0)
    largest = 1

    def move(x: Any) -> None:
        if nudge and x.is_floating_point() and x.numel():
            unit = torch.finfo(x.dtype).eps
            sign = torch.randint(0, 2, x.shape, generator=generator).to(x.device, x.dtype) * 2 - 1
            # Of 0, which has no last place, as much as tells equal numbers apart.
            x.copy_(torch.where(x == 0, unit * unit * (2 + sign), x + x * sign * unit))

    class Nudged(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            old = {t.untyped_storage()._cdata for t in tree_flatten(args)[0] if isinstance(t, torch.Tensor)}
            written = func._schema.is_mutable
            for tensor in (t for t in tree_flatten(result)[0] if isinstance(t, torch.Tensor)):
                largest = max(largest, tensor.numel())
                if written or tensor.untyped_storage()._cdata not in old:
                    move(tensor)
            return result

    with torch.no_grad(), torch.random.fork_rng(devices=[]), own_copy(module) as own, hooks.aside(own):
        args, kwargs = copies((args, kwargs))
        for tensor in (*own.parameters(), *own.buffers(), *tree_flatten((args, kwargs))[0]):
            if isinstance(tensor, torch.Tensor):
                largest = max(largest, tensor.numel())
                move(tensor)
        with torch.set_grad_enabled(gradients), Nudged() if nudge else nullcontext(), _cond_in_python():
            result = own(*args, **kwargs)
    leaves = [as_numpy(x.detach()) if isinstance(x, torch.Tensor) else x for x in tree_flatten(result)[0]]
    return _Run(leaves, largest)
