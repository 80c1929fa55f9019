"""How an array of torch's is laid out in Flax, and the way back.

jaxconv's layers hold torch's arrays under torch's names. Flax's own lay convolution kernels out (*kernel, in, out),
dense ones (in, out), and call a normalisation's parameters scale, bias, mean and var.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

Array = Any
Move = Callable[[Array], Array]


@dataclass(frozen=True)
class Link:
    """One array on both sides: a pair of names inside the layer, and the two ways between the layouts."""

    torch: str
    flax: str
    to_flax: Move
    to_torch: Move
    how: str = "as it is"


def flattened(link: Link, shape: tuple[int, ...]) -> Link:
    """A dense kernel whose inputs are a flattened image: torch counts (C, H, W), a channels-last network (H, W, C)."""
    order = flat_order(shape)
    back = np.argsort(order)
    return Link(
        link.torch,
        link.flax,
        lambda w: link.to_flax(w[:, order]),
        lambda k: link.to_torch(k)[:, back],
        f"{link.how}, its inputs from {shape} channels first to last",
    )


def flat_order(shape: tuple[int, ...]) -> np.ndarray:
    """For each element of a flattened (*size, C) image its place in the flattened (C, *size) one."""
    return np.moveaxis(np.arange(int(np.prod(shape))).reshape(shape), 0, -1).ravel()


@dataclass(frozen=True)
class Group:
    """Several arrays of torch's that are held together in one or several of the Flax network's.

    Attributes:
        torch, flax: their full names.
        to_flax: torch's arrays -> the Flax network's; traceable by JAX.
        how: in words.
        shapes: of torch's arrays.
        parameters: those of torch's that take gradients.
        values: torch's arrays, where the Flax network's are computed from them; None where they are only rearranged.
    """

    torch: tuple[str, ...]
    flax: tuple[str, ...]
    to_flax: Callable[..., Sequence[Array]]
    how: str
    shapes: tuple[tuple[int, ...], ...]
    parameters: frozenset[str]
    values: tuple[np.ndarray, ...] | None = None

    def to_torch(self, arrays: Sequence[Array]) -> dict[str, np.ndarray]:
        """What the Flax network holds, under torch's names.

        Raises:
            ValueError: it is computed from torch's arrays, and does not tell them.
        """
        if self.values is not None:
            raise ValueError(
                f"`convert` (='to_torch'): {', '.join(self.flax)} is computed ({self.how}) from torch's "
                f"{', '.join(self.torch)}, and cannot be converted back: use convert='to_flax'"
            )
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        ends = np.cumsum(sizes)
        places = self.to_flax(
            *(
                np.arange(end - size, end).reshape(s)
                for end, size, s in zip(ends, sizes, self.shapes, strict=True)
            )
        )
        flat = np.empty(ends[-1], np.asarray(arrays[0]).dtype)
        for place, array in zip(places, arrays, strict=True):
            flat[np.asarray(place).ravel()] = np.asarray(array).ravel()
        parts = np.split(flat, ends[:-1])
        return {n: p.reshape(s) for n, p, s in zip(self.torch, parts, self.shapes, strict=True)}

    def gradients(self, arrays: Sequence[Array]) -> dict[str, np.ndarray]:
        """The gradients with respect to torch's parameters, of those with respect to the Flax network's."""
        if self.values is None:
            found = self.to_torch(arrays)
        else:
            with jax.enable_x64(True):
                wide = [np.asarray(v).astype(np.float64) for v in self.values]
                _, vjp = jax.vjp(lambda *v: tuple(self.to_flax(*v)), *wide)
                grads = vjp(tuple(np.asarray(a).astype(np.float64) for a in arrays))
            dtype = np.asarray(arrays[0]).dtype
            found = {n: np.asarray(g).astype(dtype) for n, g in zip(self.torch, grads, strict=True)}
        return {name: g for name, g in found.items() if name in self.parameters}
