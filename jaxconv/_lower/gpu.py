"""The choice between lowerings on GPUs."""

from typing import Any

import jax.numpy as jnp

from jaxconv._lower import phases
from jaxconv._lower.choice import Choice, forced_one
from jaxconv._lower.product import Product


def choose(p: Product, dtype: Any, forced: str | None = None) -> Choice:
    """The lowering of a product of such operands.

    Args:
        p: the product.
        dtype: of the operands.
        forced: a name as of `jaxconv.lowering`, or None.
    """
    if chosen := forced_one(p, forced):
        return chosen
    if not jnp.issubdtype(dtype, jnp.inexact):
        return Choice("im2col", f"{jnp.dtype(dtype).name}: XLA has no convolutions of integers on GPUs")
    if phases.can(p) and phases.leaves_out(p):
        return Choice(
            "phases", "a part of the input meets no element of the kernel: its gradient is exactly zero"
        )
    return Choice("direct", "XLA's own convolution")
