"""batch_norm, instance_norm, group_norm, layer_norm and rms_norm, beyond torch's own samples."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from oracle import Sample, check, check_samples

from jaxconv import functional as F

rng = np.random.default_rng(11)


def normal(*shape, dtype=np.float32):
    return rng.standard_normal(shape).astype(dtype)


def positive(*shape, dtype=np.float32):
    return rng.uniform(0.5, 2, shape).astype(dtype)


def fresh(channels):
    """The running statistics of a new layer."""
    return np.zeros(channels, np.float32), np.ones(channels, np.float32)


def torch_with_stats(function):
    """torch's in-place update of the running statistics as outputs."""

    def run(input, running_mean, running_var, weight, bias, **options):
        mean, var = running_mean.detach().clone(), running_var.detach().clone()
        return function(input, mean, var, weight, bias, **options), mean, var

    return run


def with_stats_sample(name, flag, shape, dtype, params, **options):
    torch_function, ours = getattr(torch.nn.functional, name), getattr(F, f"{name}_with_stats")
    channels = shape[1]
    arrays = {
        "input": normal(*shape, dtype=dtype),
        "running_mean": normal(channels, dtype=params),
        "running_var": positive(channels, dtype=params),
        "weight": normal(channels, dtype=params),
        "bias": normal(channels, dtype=params),
    }
    return Sample(
        lambda **a: torch_with_stats(torch_function)(**a, **{flag: True}, **options),
        lambda **a: tuple(ours(**a, **{flag: True}, **options)),
        arrays,
        wrt=(),
        about=f"{name} {shape} {np.dtype(dtype)} {options}",
    )


def test_running_statistics_are_those_that_torch_leaves_behind():
    samples = []
    for name, flag in (("batch_norm", "training"), ("instance_norm", "use_input_stats")):
        samples += [
            with_stats_sample(name, flag, (3, 4, 5), np.float32, np.float32),
            with_stats_sample(name, flag, (2, 3, 2, 2), np.float64, np.float64, momentum=0.7, eps=0.25),
            with_stats_sample(name, flag, (3, 4, 5), jnp.bfloat16, np.float32, momentum=0.0),
            with_stats_sample(name, flag, (3, 4, 5), np.float16, np.float16, momentum=1.5),
            with_stats_sample(name, flag, (4, 4, 0), np.float32, np.float32),
        ]
    samples.append(with_stats_sample("batch_norm", "training", (0, 4, 5), np.float32, np.float32))
    assert all(check_samples(samples, rng))


def test_no_samples_leave_torchs_nan_in_instance_norms_statistics():
    _, mean, var = F.instance_norm_with_stats(jnp.zeros((0, 3, 4)), jnp.zeros(3), jnp.ones(3))
    theirs = torch.zeros(3)
    torch.nn.functional.instance_norm(torch.zeros(0, 3, 4), theirs, torch.ones(3))
    assert theirs.isnan().all() and jnp.isnan(mean).all() and jnp.isnan(var).all()


def test_running_statistics_stay_the_same_arrays_where_the_input_decides_nothing():
    x, mean, var = jnp.ones((2, 3, 4)), jnp.zeros(3), jnp.ones(3)
    for got in (
        F.batch_norm_with_stats(x, mean, var),
        F.instance_norm_with_stats(x, mean, var, use_input_stats=False),
    ):
        assert got.running_mean is mean and got.running_var is var
    assert F.batch_norm_with_stats(x, None, None, training=True)[1:] == (None, None)


def test_running_statistics_have_no_gradient():
    def loss(x):
        _, mean, var = F.batch_norm_with_stats(x, *fresh(3), training=True)
        return mean.sum() + var.sum()

    assert not jax.grad(loss)(jnp.asarray(normal(4, 3))).any()


def test_momentum_may_be_traced():
    x = jnp.asarray(rng.integers(-4, 5, (4, 2)).astype(np.float32))

    def run(m):
        return F.batch_norm_with_stats(x, *fresh(2), training=True, momentum=m)[1:]

    jax.tree.map(np.testing.assert_array_equal, jax.jit(run)(np.float32(0.5)), run(0.5))


NORMS = {
    "batch": lambda x: F.batch_norm(x, None, None, training=True),
    "instance": F.instance_norm,
    "group": lambda x: F.group_norm(x, 2),
    "layer": lambda x: F.layer_norm(x, (8,)),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_great_mean_costs_no_accuracy(name):
    # 2**21 + x is exact, its mean is not: of E[x^2] - E[x]^2 nothing would be left, and a mean that is rounded
    # once would be off by 1/8.
    x = jnp.asarray(rng.integers(-4, 5, (4, 4, 8)).astype(np.float32))
    norm = jax.jit(NORMS[name])
    np.testing.assert_array_equal(norm(x + 2**21), norm(x))


def test_infinity_and_nan_are_torchs():
    x = normal(2, 4, 3)
    x[0, 0, 0], x[1, 1, 1], x[0, 2, 0], x[1, 2, 1] = np.inf, np.nan, np.inf, -np.inf
    mean, var = torch.zeros(4), torch.ones(4)
    torch.nn.functional.batch_norm(torch.from_numpy(x), mean, var, training=True)
    y, *stats = F.batch_norm_with_stats(x, *fresh(4), training=True)
    for ours, theirs in zip(stats, (mean, var), strict=True):
        # NaN where theirs is, infinite where theirs is, else neither.
        np.testing.assert_array_equal(
            np.where(np.isfinite(ours), 0, ours), torch.where(theirs.isfinite(), 0, theirs)
        )
    assert jnp.isnan(y[:, :3]).all() and jnp.isfinite(y[:, 3]).all()


def test_second_derivatives():
    """Also where the variance is 0."""
    v = np.arange(1.0, 5.0)

    def theirs(x, w):
        y = torch.nn.functional.layer_norm(x, (4,), w, eps=1.0)
        return torch.autograd.grad((y * torch.from_numpy(v).to(x.dtype)).sum(), x, create_graph=True)[0]

    def ours(x, w):
        return jax.grad(lambda x: (F.layer_norm(x, (4,), w, eps=1.0) * v.astype(x.dtype)).sum())(x)

    for x in (normal(3, 4), np.ones((1, 4), np.float32)):
        assert check(theirs, ours, [x, normal(4)], rng=rng)


def test_statistics_of_all_devices():
    """A batch in two halves, each under the same axis name, is normalised as one."""
    # The mean is 0 and var + eps is 4, so that all sums are exact, whatever their order; the gradients' too.
    values = [3, -3, 1, -1, 1, -1, 1, -1]
    x = (
        np.stack([rng.permutation(values) for _ in range(3)], 1)
        .reshape(4, 2, 3)
        .swapaxes(1, 2)
        .astype(np.float32)
    )
    w, ct = (jnp.asarray(rng.integers(-4, 5, shape), jnp.float32) for shape in ((3,), (4, 3, 2)))

    def whole(x, w, **axis):
        return tuple(F.batch_norm_with_stats(x, *fresh(3), w, training=True, eps=1.0, **axis))

    def halves(x, w):
        y, mean, var = jax.vmap(lambda x: whole(x, w, axis_name="devices"), axis_name="devices")(
            x.reshape(2, 2, 3, 2)
        )
        return y.reshape(4, 3, 2), mean[1], var[0]

    @jax.jit
    def run(x, w):
        (both, vjp), (one, vjp_of_one) = jax.vjp(halves, x, w), jax.vjp(whole, x, w)
        cts = (ct, *map(jnp.zeros_like, both[1:]))
        return (both, vjp(cts)), (one, vjp_of_one(cts))

    jax.tree.map(np.testing.assert_array_equal, *run(x, w))
    # One value on each device is enough, as long as there are several devices.
    one = jnp.asarray([[[1.0]], [[3.0]]])
    y = jax.vmap(lambda x: F.batch_norm(x, None, None, training=True, eps=3.0, axis_name="d"), axis_name="d")(
        one
    )
    np.testing.assert_array_equal(y, [[[-0.5]], [[0.5]]])


def test_instance_norms_statistics_of_all_devices():
    x = jnp.asarray(rng.integers(-4, 5, (4, 3, 4)).astype(np.float32))

    def half(x):
        return F.instance_norm_with_stats(x, *fresh(3), axis_name="devices")

    @jax.jit
    def run(x):
        halves = jax.vmap(half, axis_name="devices")(x.reshape(2, 2, 3, 4))
        return halves, F.instance_norm_with_stats(x, *fresh(3))

    halves, whole = run(x)
    np.testing.assert_array_equal(halves.output.reshape(x.shape), whole.output)
    np.testing.assert_array_equal(halves.running_mean[1], whole.running_mean)


def test_a_half_type_is_rounded_once():
    x = jnp.asarray(normal(2, 4, 8), jnp.bfloat16)
    w, b = jnp.asarray(normal(4)), jnp.asarray(normal(4))
    exact = F.group_norm(x.astype(jnp.float32), 2, w, b).astype(jnp.bfloat16)
    np.testing.assert_array_equal(F.group_norm(x, 2, w, b), exact)


@pytest.mark.parametrize("dtypes", [("bfloat16", "bfloat16"), ("float16", "float32"), ("float32", "float64")])
def test_rms_norms_epsilon_is_float32s_for_half_types_and_any_weight_will_do(dtypes):
    dtype, weight = map(jnp.dtype, dtypes)
    x = jnp.full((1, 3), 1e-4, dtype)  # the squares are below the machine epsilon, which so matters
    w = jnp.asarray([1.0, 2, 3], weight)
    y = F.rms_norm(x, (3,), w)
    assert y.dtype == dtype
    eps = float(np.finfo(np.float32).eps)
    np.testing.assert_array_equal(y, F.rms_norm(x, (3,), w, eps))
    torch_dtype = getattr(torch, dtypes[0])
    theirs = torch.nn.functional.rms_norm(torch.full((1, 3), 1e-4, dtype=torch_dtype), (3,))
    given = torch.nn.functional.rms_norm(torch.full((1, 3), 1e-4, dtype=torch_dtype), (3,), eps=eps)
    assert torch.equal(theirs, given)


x3 = np.ones((2, 4, 3), np.float32)
c4, c3 = np.ones(4, np.float32), np.ones(3, np.float32)
BAD = {
    "bn rank": (lambda: F.batch_norm(c4, c4, c4), ValueError, r"batch_norm expected `input` of at least 2 dim.* got shape \(4,\)"),
    "bn no stats": (lambda: F.batch_norm(x3, None, None), ValueError, "`running_mean` and `running_var` must be given"),
    "bn one stat": (lambda: F.batch_norm(x3, c4, None, training=True), ValueError, "must either both be None or neither be None"),
    "bn stats": (lambda: F.batch_norm(x3, c3, c4), ValueError, r"Expected `running_mean` of shape \(4,\), one element per channel of `input` of shape \(2, 4, 3\), but got shape \(3,\)"),
    "bn weight": (lambda: F.batch_norm(x3, c4, c4, c3), ValueError, r"Expected `weight` of shape \(4,\)"),
    "bn one value": (lambda: F.batch_norm(x3[:1, :, :1], None, None, training=True), ValueError, r"Expected more than 1 value per channel when training, got `input` of shape \(1, 4, 1\)"),
    "bn eps": (lambda: F.batch_norm(x3, c4, c4, eps=-1), ValueError, r"`eps` \(=-1\) must be non-negative"),
    "bn eps training": (lambda: F.batch_norm(x3, c4, c4, training=True, eps=0), ValueError, r"`eps` \(=0\) must be positive during training"),
    "bn eps None": (lambda: F.batch_norm(x3, c4, c4, eps=None), TypeError, "`eps` must be a number, got None$"),
    "bn momentum": (lambda: F.batch_norm(x3, c4, c4, momentum=None), TypeError, "`momentum` must be a number"),
    "bn training": (lambda: F.batch_norm(x3, c4, c4, training=1), TypeError, "`training` must be a bool, got 1 of type int"),
    "bn dtype": (lambda: F.batch_norm(x3, c4.astype("f8"), c4), TypeError, "same dtype.* input: float32, weight|running_mean: float64"),
    "bn halves": (lambda: F.batch_norm(jnp.bfloat16(x3), c4, c4, jnp.bfloat16(c4)), TypeError, "running_mean: float32"),
    "bn int": (lambda: F.batch_norm(x3.astype("i4"), None, None, training=True), TypeError, '"batch_norm" is not implemented for dtype int32'),
    "bn complex": (lambda: F.batch_norm(x3 + 0j, None, None, training=True), TypeError, "not implemented for dtype complex"),
    "in no stats": (lambda: F.instance_norm(x3, use_input_stats=False), ValueError, "must be given"),
    "in one element": (lambda: F.instance_norm(x3[..., :1]), ValueError, r"Expected more than 1 spatial element when training, got `input` of shape \(2, 4, 1\)"),
    "in rank": (lambda: F.instance_norm(c4), ValueError, "at least 2 dimensions"),
    "in weight": (lambda: F.instance_norm(x3, weight=c3), ValueError, r"Expected `weight` of shape \(4,\)"),
    "gn groups": (lambda: F.group_norm(x3, 3), ValueError, r"divisible by `num_groups` \(=3\), but got `input` of shape \(2, 4, 3\)"),
    "gn no groups": (lambda: F.group_norm(x3, 0), ValueError, r"`num_groups` \(=0\) must be positive"),
    "gn float": (lambda: F.group_norm(x3, 2.0), TypeError, "`num_groups` must be an int, got 2.0"),
    "gn one value": (lambda: F.group_norm(x3[:1, :, 0], 4), ValueError, r"more than 1 value per group, got `input` of shape \(1, 4\)"),
    "gn no channels": (lambda: F.group_norm(x3[:, :0], 1), ValueError, r"to have channels and positions, got shape \(2, 0, 3\)"),
    "gn no positions": (lambda: F.group_norm(x3[..., :0], 2), ValueError, r"to have channels and positions, got shape \(2, 4, 0\)"),
    "gn rank": (lambda: F.group_norm(c4, 2), ValueError, "at least 2 dimensions"),
    "ln int": (lambda: F.layer_norm(x3, 3), TypeError, "`normalized_shape` must be a tuple of ints, got 3"),
    "ln ()": (lambda: F.layer_norm(x3, ()), ValueError, "at least 1-dimensional"),
    "ln shape": (lambda: F.layer_norm(x3, (4,)), ValueError, r"Given `normalized_shape` \(=\(4,\)\), expected `input` of shape \(\*, 4\), but got `input` of shape \(2, 4, 3\)"),
    "ln longer": (lambda: F.layer_norm(c3, (1, 3)), ValueError, r"expected `input` of shape \(\*, 1, 3\)"),
    "ln weight": (lambda: F.layer_norm(x3, (3,), c4), ValueError, r"Expected `weight` of shape \(3,\), the shape of `normalized_shape`"),
    "rms weight": (lambda: F.rms_norm(x3, (3,), c3 + 0j), TypeError, "would make the output of a float32 `input` complex"),
    "rms int": (lambda: F.rms_norm(x3.astype("i4"), (3,)), TypeError, '"rms_norm" is not implemented for dtype int32'),
}  # fmt: skip


@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_refusals(row):
    call, error, message = row
    with pytest.raises(error, match=message):
        call()
