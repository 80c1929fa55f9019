"""A convolution of feature maps in blocks of channels as a primitive of JAX, which `jaxconv.compile` alone makes.

It is a call of the kernels. Where those may not be called, it is computed in torch's layout and put into blocks again.
"""

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp

from jaxconv import _jax_internals as internals
from jaxconv._lower import native
from jaxconv._lower.blocks import count, depthwise, from_blocks, to_blocks, unpack_weight
from jaxconv._lower.choice import padded_far
from jaxconv._lower.epilogue import Epilogue
from jaxconv._lower.fused import REFUSED, unfused
from jaxconv._lower.product import Product

blocked_conv_p = internals.Primitive("jaxconv_blocked_conv")
"""bind(x, weight, [bias], [residual], product=Product, epilogue=Epilogue, lanes=int, blocked=bool)

x is in blocks if `blocked`, and the result and the residual always; the weight is packed for it; the bias is filled up
with zeros to the channels of all blocks (blocks.py).
"""

FEW_POSITIONS = 4
"""With fewer in a sample, the weights of several samples would be read again and again: XLA's product is faster."""
MOST_TAPS = 96
"""Of a depthwise kernel, which are added up in one register (kChunk in native/tile.h)."""


def can(product: Product, batch: Any, dtype: Any, lanes: int) -> bool:
    """Whether the kernels compute the convolution in blocks of so many channels."""
    spec = product.spec
    sizes = (batch, *product.size, *product.out)
    if product.wanted != "y" or dtype != jnp.float32 or len(product.size) > 2:
        return False
    if not all(isinstance(n, int) and n > 0 for n in sizes):
        return False
    if padded_far(product) or (batch > 1 and math.prod(product.out) < FEW_POSITIONS):
        return False
    if depthwise(product):
        return product.taps <= MOST_TAPS
    return spec.groups == 1 or not (product.group_in % lanes or product.group_out % lanes)


def takes_blocks(product: Product, lanes: int) -> bool:
    """Whether the input has to be in blocks: it has enough channels, or the kernels cannot take it otherwise."""
    spec = product.spec
    return spec.groups > 1 or spec.in_channels >= lanes or spec.dilation[-1] != 1


def unblocked(
    *operands: jax.Array, product: Product, epilogue: Epilogue, lanes: int, blocked: bool
) -> jax.Array:
    """What the primitive computes, in torch's layout."""
    x, weight, *more = operands
    spec = product.spec
    if blocked:
        x = from_blocks(x, spec.in_channels)
    if epilogue.bias:
        more[0] = more[0][: spec.out_channels]
    if epilogue.residual != "none":
        more[-1] = from_blocks(more[-1], spec.out_channels)
    y = unfused(x, unpack_weight(weight, product, blocked), *more, product=product, epilogue=epilogue)
    return to_blocks(y, lanes)


def _abstract(x: Any, weight: Any, *more: Any, product: Product, lanes: int, **params: Any) -> Any:
    shape = (x.shape[0], count(product.spec.out_channels, lanes), *product.out, lanes)
    return x.update(shape=shape, weak_type=False)


blocked_conv_p.def_abstract_eval(_abstract)


@functools.partial(jax.jit, static_argnames=("product", "epilogue", "lanes", "blocked"))
def _run(*operands: jax.Array, **params: Any) -> jax.Array:
    return blocked_conv_p.bind(*operands, **params)


blocked_conv_p.def_impl(_run)


def _batch(args: Any, dims: Any, **params: Any) -> tuple[jax.Array, int]:
    return jax.vmap(functools.partial(unblocked, **params), in_axes=tuple(dims))(*args), 0


internals.define_batching(blocked_conv_p, _batch)
internals.refuse_derivatives(blocked_conv_p, REFUSED)


def _on_cpu(context: Any, *operands: Any, lanes: int, **params: Any) -> Any:
    if native.usable(context.module_context) and lanes == native.lanes():
        return native.lower_blocked(context, operands, lanes=lanes, **params)
    return internals.lower_with(unblocked)(context, *operands, lanes=lanes, **params)


internals.define_lowering(blocked_conv_p, internals.lower_with(unblocked))
internals.define_lowering(blocked_conv_p, _on_cpu, platform="cpu")
