"""The gradient with respect to x of a stride: rows that meet the same elements of the kernel are computed together.

x[h] is given dy[q] weight[i] wherever h + low = q stride + i dilation. For all h = a (mod stride), a phase, these are
the same i: so a phase is a convolution of dy without a stride, by a part of the kernel. No zeros are put between dy's
elements. A transposed convolution is such a gradient.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxconv._lower import direct, flipped
from jaxconv._lower.product import Product


class _Phase(NamedTuple):
    """One dimension of a phase: the kernel's elements that it meets, and the convolution that they make."""

    taps: range
    dilation: int
    padding: tuple[int, int]


def can(p: Product) -> bool:
    """Whether it is that gradient, and there is a stride."""
    return p.wanted == "x" and max(p.spec.stride) > 1


def leaves_out(p: Product) -> bool:
    """Whether a part of x meets no element of the kernel, so that its gradient is exactly zero."""
    dimensions = enumerate(p.spec.stride)
    return any(not _phase(p, d, a, 0).taps for d, stride in dimensions for a in range(stride))


def compute(p: Product, weight: jax.Array, dy: jax.Array) -> jax.Array:
    """The product by a convolution for each phase, put next to each other."""
    n, spec = dy.shape[0], p.spec
    counts = [-(-size // s) for size, s in zip(p.size, spec.stride, strict=True)]
    by_dimension = [[_phase(p, d, a, counts[d]) for a in range(s)] for d, s in enumerate(spec.stride)]
    parts = [_convolved(p, phase, counts, weight, dy) for phase in itertools.product(*by_dimension)]
    x = jnp.stack(parts).reshape(*spec.stride, n, spec.in_channels, *counts)
    ndim = spec.ndim
    x = x.transpose(ndim, ndim + 1, *(axis for d in range(ndim) for axis in (ndim + 2 + d, d)))
    x = x.reshape(n, spec.in_channels, *(c * s for c, s in zip(counts, spec.stride, strict=True)))
    return x[(..., *(slice(size) for size in p.size))]


def _phase(p: Product, d: int, a: int, count: int) -> _Phase:
    """Of dimension d, the rows a, a + stride, ...: `count` of them."""
    (low, _), stride, dilation = p.spec.padding[d], p.spec.stride[d], p.spec.dilation[d]
    met = [i for i in range(p.spec.kernel_size[d]) if (a + low - i * dilation) % stride == 0]
    if not met:
        return _Phase(range(0), 1, (0, 0))
    common = math.gcd(stride, dilation)
    step = dilation // common
    first = (a + low - met[-1] * dilation) // stride
    return _Phase(
        range(met[0], met[-1] + 1, stride // common),
        step,
        (-first, count - p.out[d] + first + step * (len(met) - 1)),
    )


def _convolved(
    p: Product, phase: Sequence[_Phase], counts: Sequence[int], weight: jax.Array, dy: jax.Array
) -> jax.Array:
    if not all(d.taps for d in phase):
        return jnp.zeros((dy.shape[0], p.spec.in_channels, *counts), dy.dtype)
    weight = weight[(..., *(slice(d.taps.start, d.taps.stop, d.taps.step) for d in phase))]
    part = replace(p, spec=replace(p.spec, kernel_size=weight.shape[2:]))
    turned = replace(
        part.spec,
        in_channels=p.spec.out_channels,
        out_channels=p.spec.in_channels,
        stride=(1,) * p.spec.ndim,
        padding=tuple(d.padding for d in phase),
        dilation=tuple(d.dilation for d in phase),
    )
    return direct.conv(turned, dy, flipped.kernel(part, weight), precision=p.precision)
