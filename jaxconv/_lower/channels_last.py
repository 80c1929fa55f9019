"""XLA's own convolution with channels last, and written such that its CPU compiler has Eigen compute it.

Left to itself the compiler puts channels last only outside of loops: in the body of `lax.scan` or `lax.map` a
convolution becomes a loop over scalars, tens of times slower. And it gives float32 over two dimensions to YNNPACK,
which is slower than Eigen for most sizes, most of all for the gradient with respect to the weight of several samples
(`python -m benchmarks reasons`).
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower import flipped
from jaxconv._lower.product import Product

NARROW = 16
"""Up to so many channels, YNNPACK is faster: Eigen reads what is dilated one by one there."""

FEW_POSITIONS = 1024
"""Up to so many positions of all samples it depends on the processor which one is faster: YNNPACK keeps them, so that
no layer is slower than XLA's own."""


class _Window(NamedTuple):
    """How the kernel moves, by dimension; as of `lax.conv_general_dilated`."""

    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    lhs_dilation: tuple[int, ...]
    rhs_dilation: tuple[int, ...]


def can(p: Product) -> bool:
    """All but the gradient with respect to the weight of groups, which is no single convolution."""
    return p.spec.groups == 1 or p.wanted != "weight"


def compute(p: Product, a: jax.Array, b: jax.Array, few: int = FEW_POSITIONS) -> jax.Array:
    """The product as one convolution, which YNNPACK keeps up to so `few` positions."""
    if p.wanted == "y":
        return _convolve(p, a, b, few)
    if p.wanted == "x":
        return _convolve(p, b, flipped.kernel(p, a), few)
    # dy moves over x: samples are what is summed over, input channels are the samples.
    return _convolve(p, a.swapaxes(0, 1), b.swapaxes(0, 1), 0).swapaxes(0, 1)


def _convolve(p: Product, x: jax.Array, kernel: jax.Array, few: int) -> jax.Array:
    """Of x (N, C, *size) and the kernel (C_out, C / groups, *size)."""
    window, spatial = _window(p), "DHW"[-p.spec.ndim :]
    if p.spec.ndim == 2 and x.dtype == jnp.float32 and _for_eigen(p, x, kernel, few):
        window = _past_zeros(window)
    y = lax.conv_general_dilated(
        jnp.moveaxis(x, 1, -1),
        jnp.moveaxis(kernel, (1, 0), (-2, -1)),
        window_strides=window.strides,
        padding=window.padding,
        lhs_dilation=window.lhs_dilation,
        rhs_dilation=window.rhs_dilation,
        dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"),
        feature_group_count=p.spec.groups,
        precision=p.precision,
    )
    return jnp.moveaxis(y, -1, 1)


def _for_eigen(p: Product, x: jax.Array, kernel: jax.Array, few: int) -> bool:
    if p.wanted == "weight":
        return True
    n = x.shape[0]  # symbolic in an export
    return kernel.shape[1] > NARROW and not (isinstance(n, int) and n * math.prod(p.out) <= few)


def _window(p: Product) -> _Window:
    spec, ones = p.spec, (1,) * p.spec.ndim
    if p.wanted == "y":
        return _Window(spec.stride, spec.padding, ones, spec.dilation)
    low = [before for before, _ in spec.padding]
    reach = [d * (k - 1) for d, k in zip(spec.dilation, spec.kernel_size, strict=True)]
    steps = [s * (m - 1) for s, m in zip(spec.stride, p.out, strict=True)]
    beyond = [step + r + 1 - n - a for step, r, n, a in zip(steps, reach, p.size, low, strict=True)]
    if p.wanted == "weight":
        return _Window(spec.dilation, tuple(zip(low, beyond, strict=True)), ones, spec.stride)
    around = tuple((r - a, r - b) for r, a, b in zip(reach, low, beyond, strict=True))
    return _Window(ones, around, spec.stride, spec.dilation)


def _past_zeros(window: _Window) -> _Window:
    """The same sums, of rows with a zero row after each, which a kernel of twice the step never meets.

    YNNPACK does not take what is dilated, and Eigen does.
    """
    if max(window.lhs_dilation) > 1:
        return window
    (stride, *strides), ((low, high), *others), (_, *lhs), (dilation, *rhs) = window
    return _Window((2 * stride, *strides), ((2 * low, 2 * high), *others), (2, *lhs), (2 * dilation, *rhs))
