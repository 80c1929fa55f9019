"""Few channels a group: the planes are shifted by each of the kernel's elements, multiplied and added up.

All of it is one loop for XLA's CPU compiler, which reads and writes each plane once. Made for depthwise convolutions,
with or without channel multipliers; a matrix product has nothing to reuse there.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxconv._lower import flipped
from jaxconv._lower.planes import pad, seen_by, tap_indices
from jaxconv._lower.product import Product

MOST_TERMS = 128
"""Products written out for an element. A 7x7 kernel has 49, four channels of a 5x5 one 100."""


def can(p: Product) -> bool:
    """Whether the sum may be written out: compiling it takes as long as it is long."""
    channels = p.group_out if p.wanted == "x" else p.group_in
    return p.taps * channels <= MOST_TERMS


def compute(p: Product, a: jax.Array, b: jax.Array) -> jax.Array:
    """The product by shifted planes; the gradient with respect to the weight for each sample."""
    if p.wanted == "y":
        return _y(p, a, b)
    if p.wanted == "weight":
        return _weights(p, a, b)
    if set(p.spec.stride) == {1}:
        return _y(*flipped.convolution(p, a, b))
    return _x(p, a, b)


def _grouped(p: Product, x: jax.Array) -> jax.Array:
    """(N, C, *size) -> (N, groups, C / groups, *size)."""
    return x.reshape(x.shape[0], p.spec.groups, -1, *x.shape[2:])


def _of(p: Product, weight: jax.Array, channel: int, tap: tuple[int, ...]) -> jax.Array:
    """One element of the kernel for one input channel of each group: (1, groups, C_out / groups, 1, ...)."""
    w = weight[(slice(None), channel, *tap)]
    return w.reshape(1, p.spec.groups, p.group_out, *(1,) * p.spec.ndim)


def _y(p: Product, x: jax.Array, weight: jax.Array) -> jax.Array:
    padded = _grouped(p, lax.optimization_barrier(pad(x, p.spec.padding)))
    terms = [
        seen_by(p, padded[:, :, c : c + 1], tap) * _of(p, weight, c, tap)
        for c in range(p.group_in)
        for tap in tap_indices(p.spec.kernel_size)
    ]
    return _sum(terms).reshape(p.shape(x.shape[0]))


def _sum(terms: list[jax.Array]) -> jax.Array:
    # In order: XLA keeps the running sum in a register. A tree of sums has many live at once.
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def _x(p: Product, weight: jax.Array, dy: jax.Array) -> jax.Array:
    """Rows that different elements of the kernel reach are computed apart and interleaved.

    x[h] gets dy[q] weight[i] where h + low = q stride + i dilation: the same i for all h = a (mod stride), the phase.
    In the last dimension interleaving costs more than zeros between dy's elements, which make its stride 1.
    """
    spec, last = p.spec, p.spec.ndim - 1
    steps = (*spec.stride[:-1], 1)
    if spec.stride[-1] > 1:
        inner = [(0, 0, 0)] * (last + 2) + [(0, 0, spec.stride[-1] - 1)]
        dy = lax.pad(dy, jnp.zeros((), dy.dtype), inner)
    counts = [-(-n // s) for n, s in zip(p.size, steps, strict=True)]
    # met[d][a][i]: the first element of dy that the kernel's i-th multiplies in phase a, None if it multiplies none.
    met = [
        [[_quotient(a + low - i * dilation, s) for i in range(k)] for a in range(s)]
        for (low, _), s, dilation, k in zip(spec.padding, steps, spec.dilation, spec.kernel_size, strict=True)
    ]
    around = []
    for n, count, phases in zip(dy.shape[2:], counts, met, strict=True):
        firsts = [q for phase in phases for q in phase if q is not None]
        around.append((max(-min(firsts), 0), max(max(firsts) + count - n, 0)))
    padded = _grouped(p, lax.optimization_barrier(pad(dy, tuple(around))))

    def phase(at: tuple[int, ...]) -> jax.Array:
        terms = []
        for tap in tap_indices(spec.kernel_size):
            found = [met[d][a][i] for d, (a, i) in enumerate(zip(at, tap, strict=True))]
            firsts = [q for q in found if q is not None]
            if len(firsts) < len(found):
                continue
            window = [
                slice(q + low, q + low + n) for q, (low, _), n in zip(firsts, around, counts, strict=True)
            ]
            w = weight[(..., *tap)].reshape(spec.groups, p.group_out, p.group_in, *(1,) * spec.ndim)
            terms += [
                padded[(slice(None), slice(None), slice(m, m + 1), *window)] * w[:, m]
                for m in range(p.group_out)
            ]
        shape = (dy.shape[0], spec.groups, p.group_in, *counts)
        return _sum(terms) if terms else jnp.zeros(shape, dy.dtype)

    def rows(at: tuple[int, ...]) -> jax.Array:
        d = len(at)
        return phase(at) if d > last else _interleave([rows((*at, a)) for a in range(steps[d])], d + 3)

    x = rows(())[(..., *(slice(n) for n in p.size))]
    return x.reshape(p.shape(dy.shape[0]))


def _quotient(n: int, divisor: int) -> int | None:
    return None if n % divisor else n // divisor


def _interleave(parts: list[jax.Array], axis: int) -> jax.Array:
    if len(parts) == 1:
        return parts[0]
    # The barrier: fused into the sums, the choice between the parts would be made for each element.
    x = lax.optimization_barrier(jnp.stack(parts, axis + 1))
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


def _weights(p: Product, x: jax.Array, dy: jax.Array) -> jax.Array:
    """All elements of the kernel in one pass over x and dy, by a reduction with as many results.

    XLA adds up one after another, which loses digits where sums are long: so rows are added up in chunks before.
    """
    spec, ndim = p.spec, p.spec.ndim
    chunks = _chunks(p)
    rows = -(-p.out[0] // chunks)
    extra = rows * chunks - p.out[0]
    rest = ((0, 0),) * (ndim - 1)
    (low, high), *others = spec.padding
    padded = pad(x, ((low, high + extra * spec.stride[0]), *others))
    padded = _grouped(p, lax.optimization_barrier(padded))
    dy = _grouped(p, pad(dy, ((0, extra), *rest)))

    def product(channel: int, tap: tuple[int, ...], chunk: int) -> jax.Array:
        first = chunk * rows
        start = [i * d for i, d in zip(tap, spec.dilation, strict=True)]
        start[0] += first * spec.stride[0]
        window = (
            slice(a, a + (n - 1) * s + 1, s)
            for a, n, s in zip(start, (rows, *p.out[1:]), spec.stride, strict=True)
        )
        seen = padded[(slice(None), slice(None), slice(channel, channel + 1), *window)]
        return seen * dy[:, :, :, first : first + rows]

    def add(a: list[jax.Array], b: list[jax.Array]) -> list[jax.Array]:
        return [u + v for u, v in zip(a, b, strict=True)]

    zero = np.zeros((), dy.dtype)
    channels = []
    for c in range(p.group_in):
        terms = [
            _sum([product(c, tap, chunk) for chunk in range(chunks)]) for tap in tap_indices(spec.kernel_size)
        ]
        sums = lax.reduce(terms, [zero] * len(terms), add, tuple(range(3, ndim + 3)))
        channels.append(jnp.stack(sums, -1))
    dw = jnp.stack(channels, 3)  # (N, groups, C_out / groups, C_in / groups, taps)
    return dw.reshape(x.shape[0], *spec.weight_shape)


def _chunks(p: Product) -> int:
    """Into how many chunks of rows a reduction is cut."""
    n = p.out[0]
    if n < 14:
        return 1
    wanted = (7, 8, 4, 2) if p.taps * p.group_in < 49 else (4, 2, 7)
    return next((c for c in wanted if n % c == 0), wanted[0])
