"""In which ways a weight of torch's can lie in an array of another shape, or of the same."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from parity._flax.layout import Link

Shape = tuple[int, ...]

_CONVS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
_TRANSPOSED = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)


def arrangements(module: Any, flax_module: Any, weight: Shape, other: Shape, name: str) -> list[Link]:
    """Every way, the most likely first. The links have no names.

    Args:
        module: torch's layer that holds the weight.
        flax_module: the Flax layer; None for a bare array.
        weight, other: the shapes of both arrays.
        name: of the Flax array; what is called a weight most likely lies as torch's does, a kernel does not.
    """
    known = type(flax_module).__module__.partition(".")[0] in ("flax", "jaxconv")
    found = [link for link in _ways(module, flax_module, weight, known) if _fits(link, weight, other)]
    if not found and np.prod(weight) == np.prod(other) and len(other) > 1:
        # A dense layer with several input or output axes, (in, heads, depth), or a 1x1 convolution's (1, 1, in, out).
        found = list(_matrices(weight, other))
    return found if name.endswith("weight") else sorted(found, key=lambda link: link.how == "as it is")


def _fits(link: Link, weight: Shape, other: Shape) -> bool:
    try:
        return link.to_flax(np.broadcast_to(np.float32(0), weight)).shape == other
    except ValueError:
        return False


def moved(order: tuple[int, ...], how: str) -> Link:
    """An array whose dimensions are in another order."""
    back = tuple(int(i) for i in np.argsort(order))
    return Link("", "", lambda w: w.transpose(order), lambda k: k.transpose(back), how)


def reshaped(theirs: Shape, ours: Shape) -> Link:
    """The same numbers in the same order."""
    how = "as it is" if theirs == ours else f"reshaped to {ours}"
    return Link("", "", lambda x: x.reshape(ours), lambda x: x.reshape(theirs), how)


def _flipped(link: Link, space: tuple[int, ...]) -> Link:
    return replace(
        link,
        to_flax=lambda w: link.to_flax(np.flip(w, space)),
        to_torch=lambda k: np.flip(link.to_torch(k), space),
        how=f"flipped and {link.how}",
    )


def _matrices(weight: Shape, other: Shape | None = None) -> Iterator[Link]:
    """A kernel as the matrix of a dense layer that is given patches flattened, with channels first or last in each."""
    space = tuple(range(2, len(weight)))
    names = (
        ["transposed to (in, out)"]
        if np.prod(weight[2:]) == 1
        else ["a matrix (in x *kernel, out)", "a matrix (*kernel x in, out)"]
    )
    for order, how in zip([(1, *space, 0), (*space, 1, 0)], names, strict=False):
        shape = tuple(weight[i] for i in order)
        yield _as(moved(order, how), shape, other or (int(np.prod(shape[:-1])), shape[-1]))


def _as(link: Link, shape: Shape, other: Shape) -> Link:
    """A link to an array of `shape`, which is kept in another."""
    return replace(
        link,
        to_flax=lambda w: link.to_flax(w).reshape(other),
        to_torch=lambda k: link.to_torch(k.reshape(shape)),
    )


def _ways(module: Any, flax_module: Any, weight: Shape, known: bool) -> Iterator[Link]:
    space = tuple(range(2, len(weight)))
    as_it_is = reshaped(weight, weight)
    if isinstance(module, _TRANSPOSED):
        # torch flips (in, out, *k). Flax correlates with (*k, in, out) as it is, and flips (*k, out, in) if told to.
        flipping = moved((*space, 1, 0), "transposed to (*kernel, out, in)")
        correlating = _flipped(moved((*space, 0, 1), "transposed to (*kernel, in, out)"), space)
        if known:
            yield flipping if getattr(flax_module, "transpose_kernel", False) else correlating
        else:
            yield from (as_it_is, correlating, flipping, _flipped(flipping, space))
            yield moved((*space, 0, 1), "transposed to (*kernel, in, out)")
    elif isinstance(module, _CONVS):
        if not known:
            yield as_it_is
        yield moved((*space, 1, 0), "transposed to (*kernel, in, out)")
        if not known:
            yield moved((0, *space, 1), "transposed to (out, *kernel, in)")
        yield from _matrices(weight)
    elif len(weight) == 2:
        if not known:
            yield as_it_is
        yield moved((1, 0), "transposed to (in, out)")
    else:
        yield as_it_is
