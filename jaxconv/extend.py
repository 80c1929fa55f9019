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
from functools import partial
from typing import Any

import jax

from jaxconv._lower import direct
from jaxconv._lower.primitive import conv_p

__all__ = ["CONVOLUTION", "convolution"]

CONVOLUTION: str = conv_p.name
"""The name of the primitive. Its two operands are floating or integer arrays of one dtype. However it is lowered, it
accumulates at least in float32 and rounds its result once, to the operands' dtype
or, where a bias is still to be added, to float32."""


def convolution(params: Mapping[str, Any]) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Returns what an equation of the primitive computes, written with JAX's own convolution.

    Args:
        params: the equation's parameters.

    Returns:
        A function of the two operands, of any floating or integer dtype, to the result in that dtype. In its jaxpr
        there is `conv_general_dilated` and no primitive of jaxconv's.
    """
    return partial(direct.compute, params["product"])
