"""With a stride of 1 the gradient with respect to x is itself a convolution: of dy, with the kernel turned around."""

from dataclasses import replace

import jax
from jax import lax

from jaxconv._lower.product import Product


def convolution(p: Product, weight: jax.Array, dy: jax.Array) -> tuple[Product, jax.Array, jax.Array]:
    """The convolution, and its input and weight. Its padding is negative where p's is wider than the kernel's reach."""
    spec = p.spec
    reach = [d * (k - 1) for d, k in zip(spec.dilation, spec.kernel_size, strict=True)]
    around = replace(
        spec,
        in_channels=spec.out_channels,
        out_channels=spec.in_channels,
        padding=tuple((r - low, r - high) for r, (low, high) in zip(reach, spec.padding, strict=True)),
    )
    return Product("y", around, p.out, p.precision), dy, kernel(p, weight)


def kernel(p: Product, weight: jax.Array) -> jax.Array:
    """(C_in, C_out / groups, *kernel_size), turned around, from the weight."""
    size = p.spec.kernel_size
    w = weight.reshape(p.spec.groups, p.group_out, p.group_in, *size).swapaxes(1, 2)
    w = w.reshape(p.spec.in_channels, p.group_out, *size)
    return lax.optimization_barrier(lax.rev(w, tuple(range(2, w.ndim))))
