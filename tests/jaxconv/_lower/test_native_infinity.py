"""Infinity and NaN in the kernels, at random: every result is infinite or NaN where torch's is."""

import jax
import numpy as np
import oracle
import pytest
import torch

import jaxconv
from jaxconv import functional as F


class Infinite:
    """Draws cotangents that have one infinity, or none."""

    def __init__(self, rng, finite):
        self.rng, self.finite = rng, finite

    def standard_normal(self, shape):
        drawn = self.rng.standard_normal(shape)
        if not self.finite:
            drawn.reshape(-1)[self.rng.integers(drawn.size)] = self.rng.choice([np.inf, -np.inf, np.nan])
        return drawn


def random_convolution(rng):
    """x, weight and arguments of a convolution whose padding may be larger than the input, and far from square."""
    ndim, groups = int(rng.integers(1, 4)), int(rng.choice([1, 1, 2, 5]))
    inner, outer = (groups * int(n) for n in rng.integers(1, 24, 2))
    kernel, stride, dilation = (tuple(map(int, rng.integers(1, high, ndim))) for high in (5, 4, 4))
    padding = tuple(map(int, rng.integers(0, rng.choice([1, 3, 14]), ndim)))
    size = tuple(
        max(int(n), d * (k - 1) + 1 - 2 * p)
        for n, d, k, p in zip(
            rng.integers(1, {1: 40, 2: 20, 3: 6}[ndim], ndim), dilation, kernel, padding, strict=True
        )
    )
    x = rng.standard_normal((int(rng.integers(1, 4)), inner, *size))
    w = rng.standard_normal((outer, inner // groups, *kernel))
    return x, w, dict(stride=stride, padding=padding, dilation=dilation, groups=groups)


def kind(a):
    """-1, 1 or 2 where an element is an infinity or NaN, else 0."""
    return np.where(np.isnan(a), 2, np.where(np.isinf(a), np.sign(a), 0))


@pytest.mark.share(3)
@pytest.mark.parametrize("first", range(3))
def test_infinity_and_nan_are_where_torch_has_them(first):
    """In float64: in float32, oneDNN multiplies the padding in some layers and leaves it out in others."""
    found = 0
    for seed in range(40 * first, 40 * first + 40):
        rng = np.random.default_rng(seed)
        x, w, arguments = random_convolution(rng)
        where = ("x", "weight", "y")[seed % 3]
        if where != "y":
            a = x if where == "x" else w
            a.reshape(-1)[rng.integers(a.size)] = rng.choice([np.inf, -np.inf, np.nan])
        name = f"conv{x.ndim - 2}d"
        theirs, ct = oracle.torch_outputs(
            lambda *a, name=name, held=arguments: getattr(torch.nn.functional, name)(*a, **held),
            (x, w, None),
            Infinite(rng, where != "y"),
        )
        with jax.enable_x64(True), jaxconv.lowering("native"):
            ours = oracle.jax_outputs(
                lambda *a, name=name, held=arguments: getattr(F, name)(*a, **held), (x, w, None), ct
            )
        for output, value in theirs.items():
            found += np.count_nonzero(kind(value))
            about = f"{output} of {seed}: {where} {x.shape} {w.shape} {arguments}"
            np.testing.assert_array_equal(kind(ours[output]), kind(value), err_msg=about)
    assert found > 2_000
