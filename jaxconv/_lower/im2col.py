"""A dense convolution as a matrix product: what the kernel meets at each position is a column."""

import jax

from jaxconv._lower import flipped
from jaxconv._lower.planes import columns
from jaxconv._lower.pointwise import mix, mixing
from jaxconv._lower.product import Product


def can(p: Product) -> bool:
    """Whether there is one group; the gradient by x is a convolution only where nothing is skipped."""
    return p.spec.groups == 1 and (p.wanted != "x" or set(p.spec.stride) == {1})


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product by one dot a sample; the gradient by the weight for each sample."""
    if p.wanted == "x":
        return compute(*flipped.convolution(p, a, b))
    seen = columns(p, a)
    if p.wanted == "y":
        return mix(p, b.reshape(b.shape[0], -1), seen).reshape(p.shape(a.shape[0]))
    dw = jax.vmap(lambda x, y: mixing(p, x[None], y[None]))(seen, b.reshape(*b.shape[:2], -1))
    return dw.reshape(a.shape[0], *p.spec.weight_shape)
