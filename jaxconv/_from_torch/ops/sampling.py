"""ATen's sampling at given places: spatial transformers and flow."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

_BILINEAR, _NEAREST, _BICUBIC = 0, 1, 2
_ZEROS, _BORDER, _REFLECTION = 0, 1, 2


def _affine_grid(theta: Any, size: Any, align_corners: bool = False) -> jax.Array:
    """(N, *size, ndim): where each pixel lies after the affine maps theta (N, ndim, ndim + 1), in -1 to 1."""

    def axis(n: int) -> jax.Array:
        steps = jnp.linspace(-1, 1, n, dtype=theta.dtype) if n > 1 else jnp.zeros(1, theta.dtype)
        return steps if align_corners else steps * (n - 1) / n

    axes = jnp.meshgrid(*map(axis, size[2:]), indexing="ij")
    points = jnp.stack([*reversed(axes), jnp.ones_like(axes[0])], -1)
    return jnp.einsum("...k,njk->n...j", points, theta)


def _reflected(x: jax.Array, low: float, high: float) -> jax.Array:
    """Coordinates mirrored at both ends until they lie between."""
    span = high - low
    if span <= 0:
        return jnp.zeros_like(x)
    away = jnp.abs(x - low)
    turns = jnp.floor(away / span)
    rest = away - turns * span
    return jnp.where(turns % 2 == 0, rest, span - rest) + low


def _inside(x: jax.Array, n: int, padding: int, align: bool) -> jax.Array:
    if padding == _REFLECTION:
        x = _reflected(x, 0, n - 1) if align else _reflected(x, -0.5, n - 0.5)
    # NaN goes to the border, too.
    return x if padding == _ZEROS else jnp.clip(jnp.where(jnp.isnan(x), 0, x), 0, n - 1)


def _cubic(t: jax.Array) -> list[jax.Array]:
    """The four weights at a fraction t, with torch's A = -0.75 (R. Keys, 1981)."""
    a = -0.75

    def near(x: jax.Array) -> jax.Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: jax.Array) -> jax.Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [far(t + 1), near(t), near(1 - t), far(2 - t)]


def _grid_sample(x: Any, grid: Any, mode: int, padding: int, align_corners: bool) -> jax.Array:
    """torch.nn.functional.grid_sample of (N, C, *size) at (N, *out, ndim), coordinates in the order W, H, D."""
    sizes = x.shape[2:]
    places = []
    for n, g in zip(sizes, jnp.moveaxis(grid, -1, 0)[::-1], strict=True):
        place = (g + 1) / 2 * (n - 1) if align_corners else ((g + 1) * n - 1) / 2
        places.append(place if mode == _BICUBIC else _inside(place, n, padding, align_corners))
    batch = jnp.arange(x.shape[0]).reshape(-1, *(1,) * (grid.ndim - 2))

    def at(corner: tuple[jax.Array, ...]) -> jax.Array:
        """The pixels at whole places, zero outside: (N, *out, C)."""
        if mode == _BICUBIC:
            corner = tuple(_inside(c, n, padding, align_corners) for c, n in zip(corner, sizes, strict=True))
        within = jnp.ones(corner[0].shape, bool)
        index = []
        for c, n in zip(corner, sizes, strict=True):
            within &= (c >= 0) & (c <= n - 1)
            index.append(jnp.clip(jnp.where(jnp.isnan(c), 0, c), 0, n - 1).astype(jnp.int32))
        picked = x[(batch, slice(None), *index)]
        return jnp.where(within[..., None], picked, 0)

    if mode == _NEAREST:
        return jnp.moveaxis(at(tuple(map(jnp.round, places))), -1, 1)
    steps, weights = [], []
    for place in places:
        low = jnp.floor(place)
        t = place - low
        steps.append([low + i for i in ((-1, 0, 1, 2) if mode == _BICUBIC else (0, 1))])
        weights.append(_cubic(t) if mode == _BICUBIC else [1 - t, t])
    total = jnp.zeros((), x.dtype)
    for choice in itertools.product(range(len(steps[0])), repeat=len(sizes)):
        weight = jnp.ones((), x.dtype)
        for d, i in enumerate(choice):
            weight = weight * weights[d][i]
        total = total + weight[..., None] * at(tuple(steps[d][i] for d, i in enumerate(choice)))
    return jnp.moveaxis(total, -1, 1)


TABLE: dict[str, Callable[..., Any]] = {
    "affine_grid_generator": _affine_grid,
    "grid_sampler": _grid_sample,
    "grid_sampler_2d": _grid_sample,
    "grid_sampler_3d": _grid_sample,
}
