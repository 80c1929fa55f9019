"""For tools that walk jaxprs: what jaxconv's primitive computes.

A convolution of jaxconv is one equation of a jaxpr, of the primitive `jaxconv_conv`, and so is each of its gradients:
the lowering is chosen later, for the platform. A tool that counts operations or bounds errors asks here.

>>> import jax, jax.numpy as jnp, jaxconv
>>> x, w = jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 3, 3))
>>> (eqn,) = jax.make_jaxpr(jaxconv.functional.conv2d)(x, w).eqns
>>> eqn.primitive.name == jaxconv.extend.CONVOLUTION
True
>>> jaxconv.extend.convolution(eqn.params)(x, w).shape
(1, 3, 3, 3)
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from jaxconv._dtypes import widened
from jaxconv._lower import direct
from jaxconv._lower.primitive import conv_p

__all__ = ["CONVOLUTION", "convolution"]

CONVOLUTION: str = conv_p.name
"""The name of the primitive. Its two operands are arrays of one dtype. However it is lowered, it accumulates floating
numbers at least in float32 and rounds its result once: to the operands' dtype or, if a bias is still to be added to
operands in reduced precision, to float32."""


def convolution(params: Mapping[str, Any]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns what an equation of the primitive computes, written with JAX's own convolution.

    Args:
        params: the equation's parameters.

    Returns:
        A function of two arrays of the operands' shapes, of one dtype, to the result that the equation has for operands
        of that dtype. Its jaxpr has `conv_general_dilated` and no primitive of jaxconv's.

    Examples:
        >>> x, w = jnp.ones((1, 2, 5, 5)), jnp.ones((3, 2, 3, 3))
        >>> (eqn,) = jax.make_jaxpr(F.conv2d)(x, w).eqns
        >>> jaxconv.extend.convolution(eqn.params)(x, w).shape
        (1, 3, 3, 3)
    """
    product = params["product"]

    def compute(a: jax.Array, b: jax.Array) -> jax.Array:
        if product.wide:
            a, b = widened(a), widened(b)
        return direct.compute(product, a, b)

    return compute
