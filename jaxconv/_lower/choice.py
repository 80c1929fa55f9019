"""The choice between lowerings: a table of what was measured to be fastest on CPUs (docs/speed.md)."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxconv._lower import channels_last, direct, grouped, im2col, nhwc, patches, phases, pointwise, shift
from jaxconv._lower.product import Product


class Lowering(NamedTuple):
    """What a lowering is.

    Attributes:
        compute: (product, operand, operand) -> array.
        can: which products it computes; None for all.
        apart: of (product, batch): whether XLA must not fuse it with what is before and after it. Then `compute` gives
            the gradient with respect to the weight of each sample, or of shares of them, (shares, *weight_shape).
        rounds_once: whether XLA accumulates reduced precision in float32 by itself, and rounds the result once.
    """

    compute: Callable[[Product, jax.Array, jax.Array], jax.Array]
    can: Callable[[Product], bool] | None = None
    apart: Callable[[Product, Any], bool] = lambda p, batch: False
    rounds_once: bool = False


def _always(p: Product, batch: Any) -> bool:
    return True


LOWERINGS = {
    "direct": Lowering(direct.compute, rounds_once=True),
    "channels_last": Lowering(channels_last.compute, channels_last.can),
    "shift": Lowering(shift.compute, shift.can, _always),
    "grouped": Lowering(grouped.compute, grouped.can, grouped.by_products),
    "pointwise": Lowering(pointwise.compute, pointwise.can),
    "im2col": Lowering(im2col.compute, None, _always),
    "phases": Lowering(phases.compute, phases.can),
    "patches": Lowering(patches.compute, patches.can),
    "nhwc": Lowering(nhwc.compute, rounds_once=True),
}


NATIVE = "native"
"""Our own kernels: no way to write a product for XLA, but a call (native.py)."""
XLA = "xla"
"""The fastest of LOWERINGS, which is what is left without kernels."""
NAMES = (*LOWERINGS, NATIVE, XLA)
"""What can be forced."""


_MEASURED = (jnp.float64, jnp.float32, jnp.bfloat16, jnp.float16)


class Choice(NamedTuple):
    """A lowering's name, and why it was chosen."""

    name: str
    why: str


def forced_one(p: Product, forced: str | None) -> Choice | None:
    """What is chosen where one of LOWERINGS is forced; None where none of them is."""
    if forced not in LOWERINGS:
        return None
    can = LOWERINGS[forced].can
    if can is None or can(p):
        return Choice(forced, "forced")
    return Choice("direct", f"{forced} is forced, but cannot compute this")


def choose(p: Product, batch: Any, dtype: Any, forced: str | None = None, native: bool = False) -> Choice:
    """The lowering on CPUs.

    Args:
        p: the product.
        batch: the number of samples; symbolic in an export.
        dtype: of the operands.
        forced: one of NAMES that is to be taken wherever it can compute the product, or None.
        native: whether there are kernels that may be called.
    """
    if not all(isinstance(n, int) for n in p.size):
        return Choice("direct", "the size is not known yet")
    if isinstance(batch, int) and batch == 0:
        return Choice("direct", "there is nothing to compute")
    floating = dtype in _MEASURED
    if chosen := forced_one(p, forced):
        return chosen
    if not floating:
        return Choice("direct", f"{jnp.dtype(dtype).name}: only floating dtypes have been measured")
    if padded_far(p):
        if native and forced != XLA:
            return Choice(NATIVE, "padding far beyond input and output: the kernels do not copy it")
        return Choice("direct", "padding far beyond input and output: the other lowerings copy it")
    if native and forced == NATIVE:
        return Choice(NATIVE, "forced")
    if native and forced is None and not _too_few_positions(p, batch):
        return Choice(NATIVE, "a floating dtype")
    if p.spec.groups == 1:
        return _dense(p, batch)
    few = min(p.group_in, p.group_out)
    if few <= FEW and shift.can(p):
        return Choice("shift", f"{few} channels a group: at most {FEW}")
    if p.taps > shift.MOST_TERMS:
        return Choice("direct", f"groups, and a kernel of {p.taps} elements: more than {shift.MOST_TERMS}")
    how = "matrix products" if grouped.by_products(p, batch) else "a convolution each"
    return Choice("grouped", f"{few} channels a group, {p.taps} elements: {how}")


FAR = 64
"""An input padded to so many times the input's and the output's elements is not copied with its padding..."""
SMALL = 2**16
"""...unless it has so few elements. Both limits are those of native/convolve.cc (kCopies, kFew)."""


def padded_far(p: Product) -> bool:
    """Whether the padding is too large for an input to be copied with it."""
    padded = math.prod(n + low + high for n, (low, high) in zip(p.size, p.spec.padding, strict=True))
    held = p.group_in * math.prod(p.size) + p.group_out * math.prod(p.out)
    return p.group_in * padded > FAR * held + SMALL


MANY_PLANES = 2048
"""Planes of depthwise layers, of all samples."""


def _too_few_positions(p: Product, batch: int) -> bool:
    """Whether XLA's own loops and products are faster than the kernels, whose vectors go along positions of a plane."""
    positions = math.prod(p.size if p.wanted == "x" else p.out)
    if p.spec.groups > 1:
        if p.group_in > 1 or batch * p.spec.in_channels <= MANY_PLANES:
            return positions < 4 and p.group_in == 1
        return positions < (14 * 14 if p.wanted == "weight" else 28 * 28)
    if p.wanted == "weight":
        return batch * positions < 4 * 4
    if p.wanted == "y" or batch == 1:
        return positions < 4
    return positions < (7 * 7 if batch < 16 else 8 * 8)


FEW = 8
"""Up to so many channels a group, products are written out. Beyond, a matrix product reuses what it loads."""
POSITIONS = {"y": 256, "x": 512}
"""Up to so many output positions of one sample a dense convolution loses to columns and a matrix product."""
OF_SEVERAL = {"y": 9, "x": 16}
"""The same of several samples. On an AMD EPYC with AVX2, Eigen takes 8 to 60 times as long
for 2x2 positions of 256 and 512 channels."""
FEW_INPUTS = 4
"""Input channels: too few for channels last."""
COLUMNS = 2**23
"""Elements that columns may have."""


def _dense(p: Product, batch: Any) -> Choice:
    if pointwise.can(p):
        return Choice("pointwise", "a kernel of one element: a matrix product")
    positions = math.prod(p.out)
    if not isinstance(batch, int) or batch > 1:
        if positions <= OF_SEVERAL.get(p.wanted, 0):
            return Choice(
                "im2col", f"several samples, {positions} positions each: at most {OF_SEVERAL[p.wanted]}"
            )
        return Choice("channels_last", "a dense convolution of several samples")
    columns = p.spec.in_channels * p.taps * positions
    if columns > COLUMNS:
        return Choice("channels_last", "a dense convolution, too large for columns")
    if p.wanted == "weight":
        return Choice("im2col", "one sample: a matrix product")
    if p.wanted == "y" and p.spec.in_channels <= FEW_INPUTS:
        return Choice("im2col", f"one sample of {p.spec.in_channels} channels: at most {FEW_INPUTS}")
    if positions <= POSITIONS[p.wanted]:
        return Choice("im2col", f"one sample, {positions} positions: at most {POSITIONS[p.wanted]}")
    return Choice(
        "channels_last", f"a dense convolution at {positions} positions: more than {POSITIONS[p.wanted]}"
    )
