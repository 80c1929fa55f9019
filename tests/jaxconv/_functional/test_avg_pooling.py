"""Average and power-average pooling: what torch's own samples (test_opinfo.py) do not have."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check_samples

from jaxconv import functional as F

T = torch.nn.functional
rng = np.random.default_rng(31)


def draw(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def samples(name, rows):
    return [
        Sample(
            lambda x, args=args: getattr(T, name)(x, *args),
            lambda x, args=args: getattr(F, name)(x, *args),
            {"x": x},
            about=f"{name}{args}",
        )
        for x, *args in rows
    ]


def test_power_averages_are_torchs():
    positive = abs(draw(2, 3, 7, 8)) + 0.5
    with_zeros = draw(3, 7, 8)
    with_zeros[:, :2, :2] = 0
    rows = [
        (draw(3, 7, 8), 2, 2),
        (draw(3, 7, 8), 2.0, (3, 2), 2, True),
        (with_zeros, float("inf"), 2),
        (with_zeros, -float("inf"), 3, (2, 1), True),
        (positive, 3, 2),
        (positive, 1.5, 3, 2, True),
        (positive, -1, 2),
        (positive, 1, (2, 3)),
    ]
    both = samples("lp_pool2d", rows)
    both += samples("lp_pool1d", [(draw(2, 3, 9), 4, 3, 2, True)])
    both += samples("lp_pool3d", [(draw(2, 3, 5, 4, 5), 2, (2, 2, 3))])
    assert all(check_samples(both, rng))


def test_the_gradient_at_a_power_average_of_zero_is_zero():
    x = jnp.zeros((1, 4))

    @jax.jit
    def run(x):
        results = []
        for power in (1, 2, 1.5, float("inf")):

            def pool(x, power=power):
                return F.lp_pool1d(x, power, 2)

            results += [jax.grad(lambda x, pool=pool: pool(x).sum())(x), jax.jvp(pool, (x,), (x + 1,))[1]]
        return results

    assert not any(gradient.any() for gradient in run(x))


def test_integers_become_float32_for_a_float_power():
    x = abs(rng.integers(-4, 5, (3, 4)))
    for dtype in (np.int64, np.uint8, np.bool_):
        expected = T.lp_pool1d(torch.from_numpy(x.astype(dtype)), 1.0, 2)
        got = F.lp_pool1d(x.astype(dtype), 1.0, 2)
        assert got.dtype == jnp.float32 and expected.dtype == torch.float32
        np.testing.assert_array_equal(got, expected)
    for power in (2, float("inf")):
        with pytest.raises(TypeError, match='"lp_pool1d" is not implemented for dtype int64'):
            F.lp_pool1d(x, power, 2)


def test_long_windows_and_rests():
    """Window sums are put together from blocks of a stride each, in ways that depend on kernel and stride."""
    x = draw(2, 97)
    rows = [(x, k, s, p, ceil, False) for k, s, p, ceil in (
        (1, 1, 0, False), (7, 1, 3, False), (16, 1, 8, True), (5, 2, 2, True), (6, 3, 1, True), (3, 7, 1, True),
        (20, 20, 0, True), (45, 18, 9, True), (11, 17, 5, False), (97, 1, 0, False), (96, 3, 48, True),
    )]  # fmt: skip
    assert all(check_samples(samples("avg_pool1d", rows), rng))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_are_added_up_in_float32(dtype):
    """4096 ones make 256 in bfloat16, and 2048 in float16, if each sum is rounded."""

    @jax.jit
    def run(x):
        averages = [
            F.avg_pool1d(x, 4096),
            F.avg_pool1d(x, 4095, 1),
            F.avg_pool3d(x.reshape(1, 16, 16, 16), 16),
        ]
        return averages + [F.adaptive_avg_pool1d(x, size) for size in (1, 2, 3)]

    for y in run(jnp.ones((1, 4096), dtype)):
        assert y.dtype == dtype and (y == 1).all()


@pytest.mark.parametrize("x64", [True, False])
def test_quotients_of_integers_are_cut_off(x64):
    x = rng.integers(-9, 10, (2, 5, 5))
    for kwargs in (
        dict(kernel_size=2),
        dict(kernel_size=3, padding=1, count_include_pad=False, ceil_mode=True),
    ):
        for divisor in (None, 7, -2):
            expected = T.avg_pool2d(torch.from_numpy(x), **kwargs, divisor_override=divisor)
            with jax.enable_x64(x64):
                got = F.avg_pool2d(jnp.asarray(x), **kwargs, divisor_override=divisor)
            np.testing.assert_array_equal(got, expected)
    with pytest.raises(TypeError, match='"avg_pool2d" is not implemented for dtype int32'):
        F.avg_pool2d(x.astype(np.int32), 2)


def test_what_is_not_finite_stays_in_its_windows():
    x = rng.integers(-4, 5, (2, 3, 9, 10)).astype(np.float32)
    x[0, 0, 3, 4], x[0, 1, 0, 0], x[0, 1, 8, 9], x[1, 2, 4, 4], x[1, 2, 4, 5] = (
        np.nan,
        np.inf,
        -np.inf,
        np.inf,
        -np.inf,
    )
    calls = [("avg_pool2d", (4, 1, 2)), ("avg_pool2d", (3, 2, 1, True, False)), ("avg_pool2d", (2, 3))]
    calls += [("adaptive_avg_pool2d", (size,)) for size in (1, (3, 5), (4, 3), (8, 7), (9, 10), (11, None))]
    calls += [("lp_pool2d", (2, 2))]
    ours = jax.jit(lambda x: [getattr(F, name)(x, *args) for name, args in calls])(x)
    for (name, args), y in zip(calls, ours, strict=True):
        expected = getattr(T, name)(torch.from_numpy(x), *args).numpy()
        y = np.where(np.isfinite(y), 0, y)
        np.testing.assert_array_equal(
            y, np.where(np.isfinite(expected), 0, expected), err_msg=f"{name}{args}"
        )


def test_derivatives_and_vmap():
    """Of a linear map with exact values; `pool` has every step: a whole block, a rest, a run, other counts."""
    x, t = (jnp.asarray(rng.integers(-4, 5, (2, 3, 7, 8)), jnp.float64) for _ in range(2))
    calls = [
        lambda x: F.avg_pool2d(x, (3, 5), (2, 1), (1, 2), True, True, 1),
        lambda x: F.adaptive_avg_pool2d(x, (3, 1)) * 3,
        lambda x: F.avg_pool2d(x, 2, count_include_pad=False),
    ]

    @jax.jit
    def run(x, t):
        results = []
        for pool in calls:
            y, vjp = jax.vjp(pool, x)
            (back,) = vjp(pool(t))
            batched = jax.vmap(pool)(jnp.stack([x, t]))
            hessian = jax.jvp(jax.grad(lambda x, pool=pool: (pool(x) ** 2).sum() / 2), (x,), (t,))[1]
            forward = jax.jvp(jax.checkpoint(pool), (x,), (t,))[1]
            results.append(
                (
                    forward - pool(t),
                    batched[1] - pool(t),
                    hessian - back,
                    (y * pool(t)).sum() - (x * back).sum(),
                )
            )
        return results

    for differences in run(x, t):
        for difference in differences:
            # The counts 3 and 5 are no powers of two: the adaptive pooling's values are rounded.
            assert abs(difference).max() <= 1e3 * np.finfo(np.float64).eps


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), ValueError, r"`divisor_override` \(=0\) must not be zero"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=2.0), TypeError, "`divisor_override` must be an int, got 2.0"),
        (lambda x: F.avg_pool2d(x, 2, count_include_pad=1), TypeError, "`count_include_pad` must be a bool, got 1"),
        (lambda x: F.avg_pool2d(x, 3, padding=2), ValueError, r"`padding` \(=\(2, 2\)\) must be at most half of"),
        (lambda x: F.avg_pool2d(x, 6), ValueError, "Output size is too small for avg_pool2d"),
        (lambda x: F.avg_pool2d(x[0], 2), ValueError, r"Expected 3D \(unbatched\) or 4D \(batched\) input to avg_pool2d"),
        (lambda x: F.avg_pool2d(x > 0, 2), TypeError, '"avg_pool2d" is not implemented for dtype bool'),
        (lambda x: F.lp_pool2d(x, 0, 2), ValueError, r"`norm_type` \(=0\) must not be 0"),
        (lambda x: F.lp_pool2d(x, "2", 2), TypeError, "`norm_type` must be an int or a float, got '2' of type str"),
    ],
)  # fmt: skip
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((2, 5, 5), np.float32))
