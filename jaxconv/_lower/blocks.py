"""Feature maps and weights in blocks of channels, as native/blocked_convolution.h has them."""

import jax
import jax.numpy as jnp

from jaxconv._lower.product import Product


def count(channels: int, lanes: int) -> int:
    """Returns how many blocks so many channels take; the last may be filled up."""
    return -(-channels // lanes)


def to_blocks(x: jax.Array, lanes: int) -> jax.Array:
    """Returns x (N, C, *size) as (N, blocks, *size, lanes), with zeros for the channels that fill the last block."""
    n, channels, *size = x.shape
    blocks = count(channels, lanes)
    x = filled(x, blocks * lanes, 1).reshape(n, blocks, lanes, *size)
    return jnp.moveaxis(x, 2, -1)


def from_blocks(x: jax.Array, channels: int) -> jax.Array:
    """Returns x (N, blocks, *size, lanes) as (N, channels, *size)."""
    n, blocks, *size, lanes = x.shape
    return jnp.moveaxis(x, -1, 2).reshape(n, blocks * lanes, *size)[:, :channels]


def filled(x: jax.Array, length: int, axis: int) -> jax.Array:
    """Returns x with zeros at the end of an axis, up to a length."""
    missing = length - x.shape[axis]
    return jnp.pad(x, [(0, missing if i == axis else 0) for i in range(x.ndim)]) if missing else x


def depthwise(product: Product) -> bool:
    """Whether each channel of several is a group of its own, with one output channel."""
    return product.spec.groups > 1 and product.group_in == product.group_out == 1


def pack_weight(weight: jax.Array, product: Product, lanes: int, blocked: bool) -> jax.Array:
    """Returns the weight (O, I, *kernel) as the kernels read it.

    Args:
        weight: of all groups; I are the input channels of one.
        product: the convolution.
        lanes: the channels of a block.
        blocked: whether the input is in blocks.
    """
    outputs, inputs, *kernel = weight.shape
    blocks = count(outputs, lanes)
    weight = filled(weight, blocks * lanes, 0)
    if depthwise(product):
        return jnp.moveaxis(weight.reshape(blocks, lanes, *kernel), 1, -1)
    if not blocked:
        return jnp.moveaxis(weight.reshape(blocks, lanes, inputs, *kernel), 1, -1)
    rows = count(inputs, lanes)
    weight = filled(weight, rows * lanes, 1).reshape(blocks, lanes, rows, lanes, *kernel)
    return jnp.moveaxis(weight, (3, 1), (-2, -1))


def unpack_weight(packed: jax.Array, product: Product, blocked: bool) -> jax.Array:
    """Returns what `pack_weight` packed."""
    outputs, inputs, *kernel = product.spec.weight_shape
    if depthwise(product) or not blocked:
        weight = jnp.moveaxis(packed, -1, 1)
        return weight.reshape(-1, inputs, *kernel)[:outputs]
    weight = jnp.moveaxis(packed, (-2, -1), (3, 1))
    blocks, lanes, rows, *_ = weight.shape
    return weight.reshape(blocks * lanes, rows * lanes, *kernel)[:outputs, :inputs]
