"""torch's side of a comparison, computed when it is asked for; `recording` has one that was computed before."""

import ctypes
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any

import jax
import numpy as np
import torch

from parity._bounds import reference
from parity._bounds.tolerance import Arithmetic
from parity._torch import monte_carlo
from parity._torch import network as torch_network
from parity._torch.network import Arrays, Call
from parity._torch.plain import unwrap
from parity._torch.tensors import to_numpy

FIRST, FEW, MANY = 2, 8, 32
"""How often the float64 network runs with noise in every layer: at first, where that is not enough, and in doubt."""

MEMORY_LIMIT = 2**30
"""Bytes of layers' inputs that are kept at once, unless another number is asked for."""


Samples = dict[str, list[float]]
"""Of each result, how far it was from the exact one, run by run."""


class LayerRun:
    """One call of one layer of torch's on its own, forward and backward.

    Args:
        call: the layer and what it is given.
        cotangents: one for each floating output.
        backward: whether there is a backward pass.
    """

    def __init__(self, call: Call, cotangents: Sequence[np.ndarray], backward: bool = True):
        self.call, self.cotangents, self.backward = call, cotangents, backward

    @property
    def pulled_back(self) -> Sequence[np.ndarray] | None:
        """The cotangents; None without a backward pass."""
        return self.cotangents if self.backward else None

    @cached_property
    def theirs(self) -> Arrays:
        """torch's results."""
        return self._run()

    @cached_property
    def wide(self) -> Arrays:
        """The same in float64."""
        return self._run(wide=True)

    @cached_property
    def uncertainty(self) -> Arrays:
        """How far off `wide` may be: to be allowed where float64 itself is judged."""
        return monte_carlo.uncertainty(lambda noise: self._run(True, noise))

    def _run(self, wide: bool = False, noise: tuple[Arithmetic, int] | None = None) -> Arrays:
        call = self.call
        return torch_network.run(call.module, call.args, call.kwargs, self.pulled_back, wide, noise)

    @property
    def buffers(self) -> list[str]:
        """The names of the buffers that it changes."""
        return [name.removeprefix("buffer.") for name in self.theirs if name.startswith("buffer.")]


def drawn(call: Call, rng: np.random.Generator, backward: bool = True) -> LayerRun:
    """A call with random cotangents."""
    return LayerRun(call, [_normal(rng, shape, dtype) for shape, dtype in call.outputs], backward)


def _normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    real = rng.standard_normal(shape)
    return (real + 1j * rng.standard_normal(shape) if dtype.kind == "c" else real).astype(dtype)


class Original:
    """torch's network on one input. Nothing changes it.

    Args:
        module: the network, in the mode in which it is to run.
        inputs: arrays.
        seed: of the cotangents and the noise.
        limit: how many bytes of layers' inputs may be kept at once.
        notes: what should be known of it.
        backward: whether gradients are compared.
    """

    def __init__(
        self,
        module: torch.nn.Module,
        inputs: Sequence[np.ndarray],
        seed: int = 0,
        limit: int = MEMORY_LIMIT,
        notes: tuple[str, ...] = (),
        backward: bool = True,
    ):
        self.module, self.inputs, self.seed, self.limit, self.notes = module, inputs, seed, limit, notes
        self.backward = backward

    @property
    def runnable(self) -> bool:
        """Whether the network's code is at hand."""
        return True

    @cached_property
    def outputs(self) -> list[np.ndarray]:
        """The network's.

        Raises:
            ValueError: it does not run on these inputs.
        """
        try:
            return torch_network.forward(self.module, self.inputs)
        except Exception as error:  # whatever its code raises
            text = str(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
            raise ValueError(f"`inputs`: torch's network does not run on them: {text}") from error

    @cached_property
    def random(self) -> bool:
        """Whether it gives other outputs each time."""
        again = torch_network.forward(self.module, self.inputs)
        return any(a.tobytes() != b.tobytes() for a, b in zip(self.outputs, again, strict=True))

    @cached_property
    def cotangents(self) -> list[np.ndarray]:
        """Of the floating and complex outputs."""
        rng = np.random.default_rng(self.seed)
        return [_normal(rng, y.shape, y.dtype) for y in torch_network.inexact(self.outputs)]

    @property
    def pulled_back(self) -> list[np.ndarray] | None:
        """The cotangents; None if gradients are not compared."""
        return self.cotangents if self.backward else None

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Of its layers, in their order, with the shapes of what they are given instead of the numbers."""
        _ = self.outputs  # says so where the network does not run
        return torch_network.calls(self.module, self.inputs, keep=())

    def runs(self, paths: Collection[str]) -> Iterator[LayerRun]:
        """The calls of these layers with what they are given, in their order.

        What exceeds the limit is computed again, in as many passes through the network as that takes.
        """
        lots: list[list[str]] = [[]]
        held = 0
        for call in self.calls:
            if call.path not in paths:
                continue
            size = sum(x.nbytes for x in torch_network.leaves((call.args, call.kwargs)))
            if lots[-1] and held + size > self.limit:
                lots.append([])
                held = 0
            lots[-1].append(call.name)
            held += size
        order = {call.name: i for i, call in enumerate(self.calls)}
        for lot in lots if lots[0] else ():
            filled = {c.name: c for c in torch_network.calls(self.module, self.inputs, keep=lot)}
            for name in lot:
                rng = np.random.default_rng([self.seed, order[name]])
                yield drawn(filled.pop(name), rng, self.backward)

    @cached_property
    def theirs(self) -> Arrays:
        """torch's results, forward and backward."""
        return torch_network.run(self.module, self.inputs, {}, self.pulled_back)

    @property
    def wanted(self) -> Arrays:
        """The same in float64."""
        return self._exact if self.backward else torch_network.without_gradients(self._exact)

    @cached_property
    def _exact(self) -> Arrays:
        return torch_network.run(self.module, self.inputs, {}, self.cotangents, wide=True)

    @cached_property
    def dead(self) -> list[str]:
        """The parameters whose gradient is zero."""
        parameters = [name for name, _ in self.module.named_parameters(remove_duplicate=False)]
        grads = {name: self._exact[f"grad.{name}"] for name in parameters if f"grad.{name}" in self._exact}
        return [name for name, grad in grads.items() if not grad.any()]

    @property
    def dtype(self) -> np.dtype:
        """Of its outputs, or else its inputs; the least exact one."""
        floating = torch_network.inexact(self.outputs) or torch_network.inexact(self.inputs)
        return max((x.dtype for x in floating), key=reference.roundoff, default=np.dtype(np.float32))

    def distances(self, how: Arithmetic, count: int) -> Samples:
        """How far rounding carried each floating result in so many runs with noise: root mean square."""
        known = self._distances.setdefault(how, {})
        drawn = min(map(len, known.values()), default=0)
        more = self.spread(self.module, self.wanted, how, range(drawn, count))
        for name, found in more.items():
            known.setdefault(name, []).extend(found)
        return {name: found[:count] for name, found in known.items()}

    @cached_property
    def _distances(self) -> dict[Arithmetic, Samples]:
        return {}

    @cached_property
    def own(self) -> dict[str, float]:
        """How far rounding carried torch's own floating results."""
        floating = (name for name, value in self.wanted.items() if value.dtype.kind in "fc")
        return {
            name: rms(self.theirs[name].astype(self.wanted[name].dtype) - self.wanted[name])
            for name in floating
        }

    def spread(self, module: torch.nn.Module, exact: Arrays, how: Arithmetic, runs: Iterable[int]) -> Samples:
        """The distances of another network on this input, whose results in float64 are given, in these runs."""
        found: Samples = {name: [] for name, value in exact.items() if value.dtype.kind in "fc"}
        backward = any(name.startswith("grad.") for name in exact)
        large = sum(value.nbytes for value in exact.values()) > _LARGE
        for run in runs:
            if large:
                _give_back_memory()
            seed = int(np.random.default_rng([self.seed, 1, run]).integers(2**31))
            cotangents = self.cotangents if backward else None
            moved = torch_network.run(module, self.inputs, {}, cotangents, True, (how, seed))
            for name, distances in found.items():
                distances.append(rms(moved[name] - exact[name]))
            del moved
        return found

    def with_module(self, module: torch.nn.Module) -> "Original":
        """The same with another network."""
        return Original(module, self.inputs, self.seed, self.limit, self.notes, self.backward)


def rms(a: np.ndarray) -> float:
    """The root mean square of what is finite."""
    finite = np.abs(a[np.isfinite(a)]).astype(np.float64)
    return float(np.sqrt(np.mean(np.square(finite)))) if finite.size else 0.0


_LARGE = 2**20
"""Bytes of results from which memory is given back before a run, which takes longer than to run a small network."""


def _give_back_memory() -> None:
    """glibc keeps what is freed: of a big network's float64 runs, several times what they need at once."""
    with suppress(OSError, AttributeError):  # another libc
        ctypes.CDLL(None).malloc_trim(0)


def input_array(index: int, value: Any) -> np.ndarray:
    """An input, as an array that both sides can take as it is."""
    if isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.dtypes.prng_key):
        raise TypeError(
            f"`inputs[{index}]` must be an array of numbers, got a JAX random key: draw numbers with it, as in "
            "jax.random.normal(key, shape)"
        )
    array = to_numpy(value) if isinstance(value, torch.Tensor) else np.asarray(value)
    if array.dtype.kind in "biu":
        bits = jax.dtypes.canonicalize_dtype(array.dtype)
        if array.size and array.dtype.kind != "b" and not (array.astype(bits) == array).all():
            raise ValueError(
                f"`inputs[{index}]` has numbers up to {np.abs(array).max()}, which do not fit JAX's {bits}. "
                "Enable 64-bit types: jax.config.update('jax_enable_x64', True)"
            )
        return array
    if not jax.numpy.issubdtype(array.dtype, jax.numpy.floating):
        raise TypeError(
            f"`inputs[{index}]` must be an array of floating numbers, integers or booleans, got dtype {array.dtype}"
        )
    if jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        raise TypeError(
            f"`inputs[{index}]` is {array.dtype}, which JAX turns into float32. Enable 64-bit types: "
            "jax.config.update('jax_enable_x64', True)"
        )
    return array


def original(
    module: torch.nn.Module,
    inputs: Sequence[Any],
    seed: int = 0,
    limit: int = MEMORY_LIMIT,
    unwrapped: bool = False,
    backward: bool = True,
) -> Original:
    """A copy of a network with checked inputs; `unwrapped` as of `parity._torch.plain.unwrap`.

    Raises:
        ValueError: no inputs, a limit that is not positive.
        TypeError: not a module, an input that is no array of numbers.
    """
    arrays = [input_array(i, x) for i, x in enumerate(inputs)]
    if not arrays:
        raise ValueError("`inputs`: at least one is needed to run the networks")
    if limit < 1:
        raise ValueError(f"`memory_limit` (={limit}) must be a positive number of bytes")
    own = torch_network.copy_of(module)
    notes = unwrap(own) if unwrapped else ()
    return Original(own, arrays, seed, limit, notes, backward)
