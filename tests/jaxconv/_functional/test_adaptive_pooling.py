"""Adaptive pooling: what torch's own samples (test_opinfo.py) do not have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check_samples

from jaxconv import functional as F

T = torch.nn.functional
rng = np.random.default_rng(32)


def test_windows_of_every_kind():
    """Output sizes that divide the input's, that do not, that are larger, and the input's own."""
    sizes = [1, (3, 9), (4, 1), (7, 5), (13, 12), (None, 5), 12]
    samples = [
        Sample(
            lambda x, size=size: T.adaptive_avg_pool2d(x, size),
            lambda x, size=size: F.adaptive_avg_pool2d(x, size),
            {"x": rng.standard_normal((2, 12, 9)).astype(np.float32)},
            about=str(size),
        )
        for size in sizes
    ]
    assert all(check_samples(samples, rng))
    # torch has no gradient of an empty output.
    assert F.adaptive_avg_pool2d(np.ones((2, 4, 4)), (0, 3)).shape == (2, 0, 3)


@pytest.mark.parametrize("fill", ["ties", "nan", "lowest"])
def test_the_chosen_element_is_torchs(fill):
    """The first of equals, the last NaN: values, indices and gradients, exactly."""
    x = rng.integers(0, 2, (2, 3, 12, 9)).astype(np.float32)
    if fill == "nan":
        x[rng.random(x.shape) < 0.15] = np.nan
    if fill == "lowest":
        x[...] = -np.inf
    sizes = [1, (3, 9), (4, 1), (7, 5), (13, 12), (None, 2)]

    def both(pool, size):
        return lambda x: pool(x, size, return_indices=True)

    @jax.jit
    def run(x):
        results = []
        for size in sizes:
            y, vjp, at = jax.vjp(both(F.adaptive_max_pool2d, size), x, has_aux=True)
            results.append((y, at, vjp(jnp.arange(1.0, y.size + 1, dtype=y.dtype).reshape(y.shape))[0]))
        return results

    for size, (y, at, gradient) in zip(sizes, run(x), strict=True):
        tx = torch.from_numpy(x).requires_grad_()
        ty, t_at = both(T.adaptive_max_pool2d, size)(tx)
        ct = torch.arange(1.0, ty.numel() + 1).reshape(ty.shape)
        np.testing.assert_array_equal(y, ty.detach())
        np.testing.assert_array_equal(at, t_at)
        np.testing.assert_array_equal(gradient, torch.autograd.grad(ty, tx, ct)[0])


def test_a_window_of_the_whole_input_is_quickly_compiled():
    x = jnp.asarray(rng.standard_normal((1, 5000)), jnp.float32)
    y, at = jax.jit(lambda x: F.adaptive_max_pool1d(x, 1, True))(x)
    assert at[0, 0] == jnp.argmax(x) and y[0, 0] == x.max()
    assert len(jax.make_jaxpr(lambda x: F.adaptive_max_pool1d(x, 1))(x).eqns) < 200


def test_transforms():
    x, t = (jnp.asarray(rng.standard_normal((2, 3, 7, 5))) for _ in range(2))

    def pool(x):
        return F.adaptive_max_pool2d(x, (3, 5))

    @jax.jit
    def run(x, t):
        at = F.adaptive_max_pool2d(x, (3, 5), return_indices=True)[1]
        taken = jnp.take_along_axis(t.reshape(2, 3, -1), at.reshape(2, 3, -1), 2)
        return *jax.jvp(pool, (x,), (t,)), taken, jax.vmap(pool)(jnp.stack([t, x]))[1]

    y, dy, taken, batched = run(x, t)
    np.testing.assert_array_equal(dy, taken.reshape(y.shape))
    np.testing.assert_array_equal(batched, y)
    with jax.enable_x64(False):
        assert F.adaptive_max_pool2d(x, 3, True)[1].dtype == jnp.int32


@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (-1, ValueError, r"elements of `output_size` \(=\(-1, -1\)\) must be greater than or equal to 0"),
        ((3,), ValueError, r"`output_size` \(=\(3,\)\) must be an int or a tuple of 2 ints"),
        ((3, 2, 1), ValueError, r"`output_size` \(=\(3, 2, 1\)\) must be an int or a tuple of 2 ints, got 3"),
        ((3, 2.0), TypeError, r"`output_size\[1\]` must be an int, got 2.0 of type float"),
        ("33", TypeError, r"`output_size` \(='33'\) must be an int or a tuple of 2 ints"),
        ({2, 3}, TypeError, r"`output_size` \(=\{2, 3\}\) must be an int or a tuple of 2 ints"),
    ],
)
def test_refused_sizes(name, size, error, message):
    with pytest.raises(error, match=message):
        getattr(F, name)(np.ones((2, 5, 5), np.float32), size)


def test_refused_inputs():
    for name in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
        with pytest.raises(TypeError, match=f'"{name}" is not implemented for dtype int64'):
            getattr(F, name)(np.ones((2, 5, 5), int), 2)
        with pytest.raises(ValueError, match="only the batch may be of size zero"):
            getattr(F, name)(np.ones((2, 0, 5)), 2)
    with pytest.raises(TypeError, match="`return_indices` must be a bool, got 1"):
        F.adaptive_max_pool2d(np.ones((2, 5, 5)), 2, 1)
