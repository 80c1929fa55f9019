"""A kernel of one element is a matrix product over the channels."""

import itertools
import math

import jax
import jax.numpy as jnp
from jax import lax

from jaxconv._lower.planes import pad, seen_by
from jaxconv._lower.product import Product


def can(p: Product) -> bool:
    """Whether there is one tap and no padding. Groups are the grouped lowering's."""
    return p.pointwise and p.spec.groups == 1


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product by dots."""
    if p.wanted == "y":
        return mix(p, _matrix(b), _flat(_seen(p, a))).reshape(p.shape(a.shape[0]))
    if p.wanted == "x":
        x = mix(p, _matrix(a).T, _flat(b))
        return _spread(p, x.reshape(b.shape[0], p.spec.in_channels, *p.out))
    return mixing(p, _flat(_seen(p, a)), _flat(b)).reshape(p.spec.weight_shape)


FEW_POSITIONS = 256
"""From so many positions on, a product for each sample is faster than one for all with a transposition around it."""


def mix(p: Product, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """matrix (O, C) times each sample of x (N, C, positions)."""
    n, _, positions = x.shape
    if isinstance(n, int) and n * positions <= FEW_ROWS[p.wanted]:
        return _rows(p, matrix, x)
    if n == 1:
        return lax.dot(matrix, x[0], precision=p.precision)[None]
    if positions < FEW_POSITIONS:
        y = lax.dot_general(matrix, x, (((1,), (1,)), ((), ())), precision=p.precision)
        return y.swapaxes(0, 1)
    many = jnp.broadcast_to(matrix, (n, *matrix.shape))
    return lax.dot_general(many, x, (((2,), (1,)), ((0,), (0,))), precision=p.precision)


FEW_ROWS = {"y": 64, "x": 512}
"""Up to so many positions of all samples are turned: the gradient's matrix, the weight transposed, is read as it lies
then, and a product of so few columns leaves a part of each vector unused."""


def _rows(p: Product, matrix: jax.Array, x: jax.Array) -> jax.Array:
    """The same as `mix`, positions first."""
    # XLA would take the transpositions into the dot, which is then up to three times slower.
    turned = lax.optimization_barrier(x.swapaxes(1, 2).reshape(-1, x.shape[1]))
    y = lax.optimization_barrier(lax.dot(turned, matrix.T, precision=p.precision))
    return y.reshape(x.shape[0], -1, matrix.shape[0]).swapaxes(1, 2)


def mixing(p: Product, x: jax.Array, y: jax.Array) -> jax.Array:
    """The gradient of `mix` by the matrix: y (N, O, positions) times x transposed, summed over the samples."""
    chunks = -(-x.shape[2] // LONGEST)
    ends = [x.shape[2] * i // chunks for i in range(chunks + 1)]
    parts = [_outer(p, x[:, :, a:b], y[:, :, a:b]) for a, b in itertools.pairwise(ends)]
    return sum(parts[1:], parts[0])


LONGEST = 512
"""So many products XLA's dot adds up one after another: of 784, the result is 2.5 times as far off as torch's."""


def _outer(p: Product, x: jax.Array, y: jax.Array) -> jax.Array:
    if x.shape[0] == 1:
        return lax.dot_general(y[0], x[0], (((1,), (1,)), ((), ())), precision=p.precision)
    if x.shape[2] < FEW_POSITIONS:
        return lax.dot_general(y, x, (((0, 2), (0, 2)), ((), ())), precision=p.precision)
    return lax.dot_general(y, x, (((2,), (2,)), ((0,), (0,))), precision=p.precision).sum(0)


def _matrix(weight: jax.Array) -> jax.Array:
    return weight.reshape(weight.shape[:2])


def _flat(x: jax.Array) -> jax.Array:
    return x.reshape(*x.shape[:2], math.prod(x.shape[2:]))


def _seen(p: Product, x: jax.Array) -> jax.Array:
    return x if set(p.spec.stride) == {1} else lax.optimization_barrier(seen_by(p, x, (0,) * p.spec.ndim))


def _spread(p: Product, y: jax.Array) -> jax.Array:
    """The elements of y put back to where the stride took them from, among zeros."""
    for axis, (n, stride) in enumerate(zip(p.size, p.spec.stride, strict=True), 2):
        if stride > 1:
            # Stacked with zeros and cut: lax.pad with inner padding is slower.
            y = jnp.stack([y] + [jnp.zeros_like(y)] * (stride - 1), axis + 1)
            y = y.reshape(*y.shape[:axis], -1, *y.shape[axis + 2 :])
        if y.shape[axis] != n:
            rest = [(0, 0)] * p.spec.ndim
            rest[axis - 2] = (0, n - y.shape[axis])
            y = pad(y, tuple(rest))
    return y
