"""How an array of torch's is laid out in Flax, and the way back.

jaxconv's layers hold torch's arrays under torch's names. Flax's own lay convolution kernels out (*kernel, in, out),
dense ones (in, out), and call a normalisation's parameters scale, bias, mean and var.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


def moved(order: tuple[int, ...], how: str) -> Link:
    """A kernel whose dimensions are in another order."""
    back = tuple(int(i) for i in np.argsort(order))
    return Link("weight", "kernel", lambda w: w.transpose(order), lambda k: k.transpose(back), how)


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
