"""torch.nn.init's distributions: against the exact ones (scipy), torch's samples, and by their structure."""

import inspect
import math
import warnings
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import linen, nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from jaxconv import Conv2d, init
from jaxconv.init import _base

pytestmark = pytest.mark.share(3)

KEY = jax.random.key(7)
# Everything is seeded: a right distribution passes for good, and the tests below show that wrong ones fail.
LEVEL = 1e-4
# Grouped: 12 of in_channels a group. Fan in 12 * 9, fan out 160 * 9.
SHAPE = (160, 12, 3, 3)
FAN_IN, FAN_OUT = 108, 1440
HALVES = (jnp.float16, jnp.bfloat16)

ALL = {
    "zeros": {},
    "ones": {},
    "constant": {"val": 0.3},
    "uniform": {},
    "normal": {},
    "trunc_normal": {},
    "eye": {},
    "dirac": {},
    "xavier_uniform": {},
    "xavier_normal": {},
    "kaiming_uniform": {},
    "kaiming_normal": {},
    "orthogonal": {},
    "sparse": {"sparsity": 0.3},
}
DRAWN = ("uniform", "normal", "trunc_normal", "xavier_uniform", "xavier_normal")
DRAWN += ("kaiming_uniform", "kaiming_normal", "orthogonal", "sparse")


def shape_for(name):
    return {"eye": (5, 7), "sparse": (5, 7), "dirac": (4, 3, 3)}.get(name, (6, 4, 3))


def flat(x):
    return np.asarray(x, np.float64).ravel()


def fits(x, distribution):
    return stats.kstest(flat(x), distribution.cdf).pvalue > LEVEL


def right_variance(x, distribution):
    """Within 5 standard errors, sqrt((m4 - var ** 2) / n), of the exact one."""
    mean, variance = distribution.stats("mv")
    fourth = distribution.expect(lambda v: (v - mean) ** 4)
    return abs(((flat(x) - mean) ** 2).mean() - variance) < 5 * math.sqrt((fourth - variance**2) / x.size)


def within(bound):
    return stats.uniform(-bound, 2 * bound)


def torch_init(name, shape, dtype=torch.float32, seed=0, **kwargs):
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(torch.nn.init, name + "_")(torch.empty(shape, dtype=dtype), **kwargs)


EXACT = {
    "uniform": (init.uniform(-0.3, 1.2), stats.uniform(-0.3, 1.5)),
    "normal": (init.normal(2.0, 0.5), stats.norm(2.0, 0.5)),
    "xavier_uniform": (init.xavier_uniform(2.0), within(2 * math.sqrt(6 / (FAN_IN + FAN_OUT)))),
    "xavier_normal": (init.xavier_normal(2.0), stats.norm(0, 2 * math.sqrt(2 / (FAN_IN + FAN_OUT)))),
    "kaiming_uniform": (init.kaiming_uniform(), within(math.sqrt(6 / FAN_IN))),
    "kaiming_uniform fan_out": (
        init.kaiming_uniform(0.2, "fan_out"),
        within(math.sqrt(6 / (1 + 0.2**2) / FAN_OUT)),
    ),
    "kaiming_normal": (init.kaiming_normal(nonlinearity="tanh"), stats.norm(0, 5 / 3 / math.sqrt(FAN_IN))),
    "kaiming_normal fan_out": (
        init.kaiming_normal(mode="fan_out", nonlinearity="relu"),
        stats.norm(0, math.sqrt(2 / FAN_OUT)),
    ),
    "conv_weight": (init.conv_weight, within(1 / math.sqrt(FAN_IN))),
    "conv_bias": (init.conv_bias(FAN_IN), within(1 / math.sqrt(FAN_IN))),
}


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("name", EXACT)
def test_distribution(name, dtype):
    initializer, distribution = EXACT[name]
    x = initializer(KEY, SHAPE, dtype)
    assert x.shape == SHAPE and x.dtype == dtype and not x.weak_type
    assert fits(x, distribution) and right_variance(x, distribution)
    # Independent neighbours: a constant along any axis would pass the test above.
    assert abs(np.corrcoef(flat(x)[1:], flat(x)[:-1])[0, 1]) < 5 / math.sqrt(x.size)


def test_a_wrong_fan_in_would_be_noticed():
    x = init.conv_weight(KEY, SHAPE)
    for wrong in (FAN_IN * 2, FAN_OUT, 160 * 12, SHAPE[1], SHAPE[1] * 3, FAN_IN * 1.1):
        assert not fits(x, within(1 / math.sqrt(wrong))), wrong
    normal = init.kaiming_normal()(KEY, SHAPE)
    for wrong in (FAN_IN * 2, FAN_OUT, 160 * 12, SHAPE[1]):
        assert not fits(normal, stats.norm(0, math.sqrt(2 / wrong))), wrong
    assert right_variance(normal, stats.norm(0, math.sqrt(2 / FAN_IN)))
    assert not right_variance(normal, stats.norm(0, math.sqrt(2 / (FAN_IN * 1.1))))
    assert not fits(normal, within(math.sqrt(6 / FAN_IN)))


TRUNCATED = [
    (0, 1, -2, 2),
    (0, 0.02, -2, 2),  # absolute bounds: as good as not truncated
    (3, 1, -2, 2),
    (-9, 1, 0, 2),  # the tails, for which torch warns that it may be wrong
    (0, 1, 10, 11),
    (0, 1, 30, math.inf),
    (0, 1, -math.inf, -30),
    (0, 1, -math.inf, 0.1),
    (0, 1, 0.6, math.inf),
    (0, 1, 0.001, 0.7),
    (0, 1, 0.5, 0.501),
    (0, 1, -0.1, 0.3),
    (5, 2, -math.inf, math.inf),
]


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
@pytest.mark.parametrize("args", TRUNCATED)
def test_trunc_normal(args, dtype):
    mean, std, a, b = args
    x = init.trunc_normal(*args)(KEY, (15000,), dtype)
    assert x.dtype == dtype and np.isfinite(x).all()
    assert flat(x).min() >= a and flat(x).max() <= b
    assert fits(x, stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std))


def test_trunc_normal_is_finite_at_the_end_of_the_underlying_draw(monkeypatch):
    def least(key, shape, dtype, minval, maxval):
        return jnp.full(shape, minval, dtype)

    monkeypatch.setattr(init.random, "uniform", least)
    for dtype in (jnp.float32, jnp.float64):
        for a in (-math.inf, -20.0):
            x = init.trunc_normal(0, 1, a, 1)(KEY, (1,), dtype)
            # half the distance below 1 is the least probability that can be drawn
            assert stats.norm.cdf(float(x[0])) >= float(jnp.finfo(dtype).epsneg) / 4


def test_trunc_normal_bounds_are_not_multiples_of_std():
    x = init.trunc_normal(0.0, 3.0, -1.0, 1.0)(KEY, (15000,))
    assert fits(x, stats.truncnorm(-1 / 3, 1 / 3, 0, 3))
    assert not fits(x / 3, stats.truncnorm(-1, 1))


@pytest.mark.parametrize(
    ("name", "kwargs", "shape"),
    [
        ("uniform", {"a": -2, "b": 1}, (9000,)),
        ("normal", {"mean": 1, "std": 2}, (9000,)),
        ("trunc_normal", {"mean": 0.5, "std": 1.5, "a": -1, "b": 4}, (9000,)),
        ("trunc_normal", {"mean": 0, "std": 1, "a": 1, "b": 2}, (9000,)),
        ("xavier_uniform", {"gain": 0.5}, (40, 25, 3, 3)),
        ("xavier_normal", {"gain": 0.5}, (40, 25, 3, 3)),
        ("kaiming_uniform", {"a": 0.3, "mode": "FAN_OUT"}, (40, 25, 3, 3)),
        ("kaiming_normal", {"nonlinearity": "selu"}, (40, 25, 3, 3)),
        ("orthogonal", {"gain": 2}, (95, 95)),
        ("sparse", {"sparsity": 0.25, "std": 2}, (95, 95)),
    ],
)
def test_same_as_torch(name, kwargs, shape):
    theirs = torch_init(name, shape, **kwargs).numpy()
    ours = getattr(init, name)(**kwargs)(KEY, shape)
    assert stats.ks_2samp(flat(ours), flat(theirs)).pvalue > LEVEL
    # and would not be the same were the scale a quarter off
    assert stats.ks_2samp(flat(ours) * 1.25, flat(theirs)).pvalue < LEVEL


@pytest.mark.parametrize(
    "args", [(4, 36, 3, 1, 0, 1, 4), (6, 64, (3, 5)), (3, 20, 7)], ids=["groups", "kernel", "plain"]
)
def test_layer_defaults_are_those_of_torch(args):
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(*args) for _ in range(20)]
    shape = tuple(layers[0].weight.shape)
    weight = init.conv_weight(KEY, shape)
    bias = init.conv_bias(math.prod(shape[1:]))(KEY, (1000,))
    for ours, name in ((weight, "weight"), (bias, "bias")):
        theirs = torch.stack([getattr(layer, name).detach() for layer in layers]).numpy()
        assert stats.ks_2samp(flat(ours), flat(theirs)).pvalue > LEVEL
        assert abs(flat(ours)).max() <= 1 / math.sqrt(math.prod(shape[1:]))


def test_conv_bias_without_inputs_is_zero_as_in_torch():
    np.testing.assert_array_equal(init.conv_bias(0)(KEY, (3,)), np.zeros(3))


@pytest.mark.parametrize("name", [n for n in ALL if n not in DRAWN])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64", "int32", "bool"])
def test_not_drawn_is_exactly_torch(name, dtype):
    shapes = {"eye": [(3, 3), (2, 5), (5, 2), (0, 3)], "dirac": [(4, 3, 3), (3, 4, 2, 5), (2, 2, 1, 2, 3)]}
    for shape in shapes.get(name, [(2, 3), (), (0, 4)]):
        theirs = torch_init(name, shape, getattr(torch, dtype), **ALL[name])
        ours = getattr(init, name)(**ALL[name])(None, shape, dtype)
        assert ours.dtype == jnp.dtype(dtype) and ours.shape == shape
        np.testing.assert_array_equal(ours.astype(complex), theirs.to(torch.complex128).numpy())


@given(
    groups=st.integers(1, 4),
    per_group=st.integers(1, 4),
    channels=st.integers(1, 5),
    kernel=st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_dirac_is_exactly_torch(groups, per_group, channels, kernel):
    shape = (groups * per_group, channels, *kernel)
    theirs = torch_init("dirac", shape, groups=groups).numpy()
    np.testing.assert_array_equal(init.dirac(groups)(None, shape), theirs)
    assert theirs.any()


def test_constant_truncates_and_refuses_as_torch():
    for val, dtype in (
        (0.7, "int32"),
        (-0.7, "int32"),
        (-1.5, "int8"),
        (2, "bool"),
        (1j, "bool"),
        (3, "int64"),
    ):
        theirs = torch_init("constant", (2,), getattr(torch, dtype), val=val)
        np.testing.assert_array_equal(init.constant(val)(None, (2,), dtype), theirs.numpy())
    for val, dtype in (
        (300, "int8"),
        (1e6, "float16"),
        (1j, "float32"),
        (math.nan, "int32"),
        (1e39, "float32"),
    ):
        with pytest.raises((RuntimeError, ValueError)):
            torch_init("constant", (2,), getattr(torch, dtype), val=val)
        with pytest.raises(ValueError, match=r"`val` \(=.*\) cannot be represented in dtype"):
            init.constant(val)(None, (2,), dtype)
    assert np.isposinf(init.constant(math.inf)(None, (), jnp.float16))
    assert init.constant(2**63 - 1)(None, (), jnp.int64) == 2**63 - 1


@pytest.mark.parametrize("dtype", [*HALVES, jnp.float32, jnp.float64])
@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5), (3, 2, 2, 3), (8, 2, 2), (1, 1)])
def test_orthogonal(shape, dtype):
    x = np.asarray(init.orthogonal(3.0)(KEY, shape, dtype), np.float64).reshape(shape[0], -1)
    gram = x @ x.T if x.shape[0] < x.shape[1] else x.T @ x
    # Householder QR (Higham, ch. 19): columns orthonormal within gamma of a small multiple of rows * columns.
    error = 9 * 10 * x.size * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(gram, 9 * np.eye(len(gram)), rtol=0, atol=error)


def test_orthogonal_is_uniform():
    """Rotations as often as reflections, and a first entry distributed as on the sphere."""
    q = jax.vmap(lambda k: init.orthogonal()(k, (3, 3)))(jax.random.split(KEY, 3000))
    assert stats.binomtest(int((np.linalg.det(q) > 0).sum()), 3000).pvalue > LEVEL
    assert fits(q[:, 0, 0], stats.uniform(-1, 2))  # Archimedes: uniform on the sphere in 3 dimensions
    assert fits(q[:, 2, 2], stats.uniform(-1, 2))


@pytest.mark.parametrize("rows", [1, 3, 10])
@given(sparsity=st.floats(0, 1))
@settings(max_examples=20, deadline=None)
def test_sparse_counts(rows, sparsity):
    cols = 4
    theirs = torch_init("sparse", (rows, cols), sparsity=sparsity).numpy()
    ours = np.asarray(init.sparse(sparsity)(KEY, (rows, cols)))
    np.testing.assert_array_equal((ours == 0).sum(0), (theirs == 0).sum(0))


def test_sparse_zeros_fall_anywhere_independently():
    x = np.asarray(init.sparse(0.5, 3.0)(KEY, (10, 4000)))
    assert stats.chisquare((x == 0).sum(1)).pvalue > LEVEL
    assert len({tuple(column) for column in (x == 0).T}) > 200  # of 252
    assert fits(x[x != 0], stats.norm(0, 3))


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize(
    ("a", "b"), [(0, 1), (-0.1, 0.1), (-0.3, 0.3), (1, 1.05), (-3, -2.999), (5, 5), (0.1, 0.1), (1000, 1001)]
)
def test_half_precision_stays_within(a, b, dtype):
    """In [a, b) exactly, though the nearest half may lie outside; the nearest to `a` where there is none."""
    for x, closed in (
        (init.uniform(a, b)(KEY, (20000,), dtype), False),
        (init.trunc_normal((a + b) / 2, 1.0, a, b)(KEY, (5000,), dtype), True),
    ):
        x = flat(x)
        inside = (x >= a) & ((x <= b) if closed else (x < b))
        there_are_some = inside.any()
        assert inside.all() if there_are_some else (x == float(jnp.asarray(a, dtype))).all()
    if (a, b) in ((0, 1), (-0.1, 0.1)):
        assert there_are_some
        x = flat(init.uniform(a, b)(KEY, (20000,), dtype))
        assert abs(x.mean() - (a + b) / 2) < 5 * (b - a) / math.sqrt(12 * x.size)


def decimals(low, high):
    return st.floats(low, high).map(lambda v: round(v, 3))  # not subnormal, which XLA takes for 0


@given(a=decimals(-10, 10), width=decimals(0, 5), single=st.booleans())
@settings(max_examples=40, deadline=None)
def test_uniform_is_half_open(a, width, single):
    b = a + width
    x = np.asarray(init.uniform(a, b)(KEY, (200,), jnp.float32 if single else jnp.float16), np.float64)
    if not ((x >= a) & (x < b)).all():  # then only because no number of the dtype is in [a, b)
        assert len(np.unique(x)) == 1
        nearest = np.float32(a) if single else np.float16(a)
        assert x[0] == nearest
        up = np.nextafter(nearest, nearest.dtype.type(np.inf))
        assert not a <= float(nearest) < b and not a <= float(up) < b


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex_parts_are_those_of_torch(dtype):
    for name, kwargs in (
        ("uniform", {"a": -1, "b": 3}),
        ("normal", {"mean": 1, "std": 2}),
        ("kaiming_uniform", {}),
        ("xavier_normal", {}),
    ):
        theirs = torch_init(name, (90, 90), getattr(torch, dtype), **kwargs).numpy()
        ours = np.asarray(getattr(init, name)(**kwargs)(KEY, (90, 90), dtype))
        assert ours.dtype == dtype
        for part in (np.real, np.imag):
            assert stats.ks_2samp(flat(part(ours)), flat(part(theirs))).pvalue > LEVEL, name
        parts = np.corrcoef(flat(ours.real), flat(ours.imag))[0, 1]
        assert abs(parts) < 5 / math.sqrt(ours.size)


@pytest.mark.parametrize("name", DRAWN)
def test_dtypes_refused_as_torch(name):
    dtypes = ["int32", "bool", "float8_e4m3fn"]
    if name in ("trunc_normal", "orthogonal"):
        dtypes += ["complex64"]
    for dtype in dtypes:
        with pytest.raises((NotImplementedError, RuntimeError)):
            torch_init(name, shape_for(name), getattr(torch, dtype), **ALL[name])
        with pytest.raises(
            TypeError, match=rf"`dtype` \(={dtype}\) must be one of float16, bfloat16, float32"
        ):
            getattr(init, name)(**ALL[name])(KEY, shape_for(name), dtype)


REFUSED = [  # (name, kwargs, shape, message)
    ("uniform", {"a": 1, "b": 0}, (3,), r"`a` \(=1\) must be a finite number of at most `b` \(=0\)"),
    ("uniform", {"b": math.inf}, (3,), r"`b` \(=inf\) must be a finite number"),
    ("uniform", {"a": math.nan, "b": -math.inf}, (3,), r"`a` \(=nan\) .*; `b` \(=-inf\)"),
    ("uniform", {"a": "x", "b": None}, (3,), r"`a` \(='x'\) .*; `b` \(=None\) must be a finite number"),
    ("uniform", {"a": -3e38, "b": 3e38}, (3,), r"`b` \(=3e\+38\) and b - a must be within .* dtype float32"),
    ("normal", {"std": -1}, (3,), r"`std` \(=-1\) must be a number of at least 0"),
    ("normal", {"mean": None}, (3,), r"`mean` \(=None\) must be a number"),
    ("normal", {"std": math.nan}, (3,), r"`std` \(=nan\) must be a number of at least 0"),
    ("trunc_normal", {"std": 0}, (3,), r"`std` \(=0\) must be a finite number above 0"),
    ("trunc_normal", {"a": 2, "b": -2}, (3,), r"`a` \(=2\) must be a number of at most `b` \(=-2\)"),
    ("xavier_uniform", {"gain": -1}, (3, 3), r"`gain` \(=-1\) must be a number of at least 0"),
    ("xavier_normal", {"gain": -1}, (3, 3), r"`gain` \(=-1\) must be a number of at least 0"),
    ("xavier_uniform", {}, (3,), r"fan in and fan out need a shape of at least 2 dimensions, got \(3,\)"),
    ("xavier_normal", {}, (3,), r"fan in and fan out need"),
    ("kaiming_uniform", {}, (), r"fan in and fan out need a shape of at least 2 dimensions, got \(\)"),
    ("kaiming_normal", {}, (3,), r"fan in and fan out need"),
    ("kaiming_uniform", {"mode": "fan_avg"}, (3, 3), r"`mode` \(='fan_avg'\) must be 'fan_in' or 'fan_out'"),
    (
        "kaiming_normal",
        {"nonlinearity": "gelu"},
        (3, 3),
        r"`nonlinearity` \(='gelu'\) must be one of 'linear'",
    ),
    ("kaiming_normal", {"a": "x"}, (3, 3), r"the negative slope of 'leaky_relu' \(='x'\) must be a number"),
    ("kaiming_uniform", {"a": True}, (3, 3), r"the negative slope of 'leaky_relu' \(=True\)"),
    ("kaiming_uniform", {"a": math.nan}, (3, 3), r"the negative slope of 'leaky_relu' \(=nan\)"),
    ("kaiming_uniform", {"a": "x", "mode": "y"}, (3, 3), r"'leaky_relu' \(='x'\).*; `mode` \(='y'\)"),
    ("orthogonal", {}, (3,), r"orthogonal needs a shape of at least 2 dimensions, got \(3,\)"),
    ("orthogonal", {"gain": "x"}, (3, 3), r"`gain` \(='x'\) must be a number"),
    ("sparse", {"sparsity": 0.1}, (3,), r"sparse needs a shape of 2 dimensions, got \(3,\)"),
    ("sparse", {"sparsity": math.nan}, (3, 3), r"`sparsity` \(=nan\) must be a number between 0 and 1"),
    ("sparse", {"sparsity": 0.1, "std": -1}, (3, 3), r"`std` \(=-1\) must be a number of at least 0"),
    ("eye", {}, (3, 3, 3), r"eye needs a shape of 2 dimensions, got \(3, 3, 3\)"),
    ("dirac", {}, (3, 3), r"dirac needs a shape of 3, 4 or 5 dimensions, got \(3, 3\)"),
    ("dirac", {"groups": 2}, (3, 3, 3), r"`shape\[0\]` \(=3\) must be divisible by `groups` \(=2\)"),
    ("dirac", {"groups": 0}, (3, 3, 3), r"`groups` \(=0\) must be positive"),
    ("dirac", {"groups": 2.0}, (4, 3, 3), r"`groups` must be an int, got 2.0"),
    ("constant", {"val": "a"}, (3,), r"`val` \(='a'\) must be a number, got str"),
]


@pytest.mark.parametrize(("name", "kwargs", "shape", "message"), REFUSED)
def test_refused_with_torch(name, kwargs, shape, message):
    with pytest.raises((ValueError, TypeError, RuntimeError, ArithmeticError)):
        torch_init(name, shape, **kwargs)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(init, name)(**kwargs)(KEY, shape)


def test_refused_though_torch_gives_something():
    for make, message in (
        (
            lambda: init.sparse(1.5, -1),
            r"`sparsity` \(=1.5\) must be a number between 0 and 1; `std` \(=-1\)",
        ),
        (lambda: init.trunc_normal(std=-1), r"`std` \(=-1\) must be a finite number above 0"),
        (lambda: init.trunc_normal(a=math.nan), r"`a` \(=nan\) must be a number of at most `b` \(=2.0\)"),
        (lambda: init.trunc_normal(a=math.inf, b=math.inf), r"`a` \(=inf\) must be .*, not \+inf"),
        (lambda: init.trunc_normal(a=-math.inf, b=-math.inf), r"`b` \(=-inf\) must be a number, not -inf"),
        (lambda: init.dirac(-1), r"`groups` \(=-1\) must be positive"),
        (lambda: init.conv_bias(-1), r"`fan_in` \(=-1\) must be at least 0"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match=r"`fan_in` must be an int, got 2\.5"):
        init.conv_bias(2.5)


@pytest.mark.parametrize("name", ALL)
def test_signatures_are_those_of_torch(name):
    def arguments(function):
        given = inspect.signature(function).parameters.values()
        return [(p.name, p.default) for p in given if p.name not in ("tensor", "generator")]

    assert arguments(getattr(init, name)) == arguments(getattr(torch.nn.init, name + "_"))


def test_calculate_gain():
    convs = [f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)]
    for name in ("linear", "sigmoid", "tanh", "relu", "selu", "leaky_relu", *convs):
        assert init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert init.calculate_gain("leaky_relu", 0.3) == torch.nn.init.calculate_gain("leaky_relu", 0.3)
    assert init.calculate_gain("relu", None) == math.sqrt(2)
    for wrong in ("ReLU", "identity", None):
        with pytest.raises(ValueError, match=rf"`nonlinearity` \(={wrong!r}\) must be one of 'linear', .*"):
            init.calculate_gain(wrong)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(0, 3, 3), (4, 0, 3), (4, 3, 0), (0,)])
def test_nothing_to_fill(name, shape):
    x = getattr(init, name)(**ALL[name])(KEY, shape, jnp.bfloat16)
    assert x.shape == shape and x.dtype == jnp.bfloat16


@pytest.mark.parametrize("name", DRAWN)
def test_keys_decide(name):
    initializer, shape = getattr(init, name)(**ALL[name]), shape_for(name)
    x = initializer(KEY, shape)
    assert x.dtype == jnp.float32  # the default also where 64 bit are enabled
    np.testing.assert_array_equal(x, initializer(KEY, shape, None))
    assert not np.array_equal(x, initializer(jax.random.key(8), shape))
    raw = initializer(jax.random.PRNGKey(7), shape)
    np.testing.assert_array_equal(x, raw)
    batch = jax.vmap(lambda key: initializer(key, shape))(jax.random.split(KEY, 3))
    assert batch.shape == (3, *shape) and not np.array_equal(batch[0], batch[1])
    one = initializer(jax.random.split(KEY, 3)[1], shape)
    # QR may be batched otherwise: everything else is elementwise.
    np.testing.assert_allclose(batch[1], one, rtol=0, atol=64 * float(jnp.finfo(jnp.float32).eps))


@pytest.mark.parametrize("name", ["zeros", "uniform", "orthogonal"])
def test_out_sharding(name):
    mesh = jax.make_mesh((1,), ("data",))
    sharding = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    x = getattr(init, name)()(KEY, (4, 3), out_sharding=sharding)
    assert x.sharding.is_equivalent_to(sharding, 2) and x.sharding.mesh == mesh
    np.testing.assert_array_equal(x, getattr(init, name)()(KEY, (4, 3)))


def test_without_64_bit():
    with jax.enable_x64(False):
        x = init.trunc_normal(a=3, b=4)(KEY, (1000,))
        assert x.dtype == jnp.float32 and fits(x, stats.truncnorm(3, 4))
        assert init.uniform(0.1, 0.2)(KEY, (10,), jnp.bfloat16).dtype == jnp.bfloat16
        assert init.sparse(0.5)(KEY, (4, 4), jnp.complex64).dtype == jnp.complex64
        with pytest.warns(UserWarning, match="float64 .*is not available"):
            assert init.uniform()(KEY, (10,), jnp.float64).dtype == jnp.float32


def test_flax_takes_them():
    layer = nnx.Linear(3, 4, kernel_init=init.eye(), bias_init=init.constant(2), rngs=nnx.Rngs(0))
    np.testing.assert_array_equal(layer.kernel[...], np.eye(3, 4))
    np.testing.assert_array_equal(layer.bias[...], np.full(4, 2))
    module = linen.Dense(4, kernel_init=init.xavier_uniform(), bias_init=init.ones())
    params = module.init(KEY, jnp.zeros((1, 3)))["params"]
    assert params["kernel"].shape == (3, 4) and abs(params["kernel"]).max() <= math.sqrt(6 / 7)
    np.testing.assert_array_equal(params["bias"], np.ones(4))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize("shape", [(3,), (70, 60)])
@pytest.mark.parametrize(
    "key",
    [jax.random.key(3), jax.random.PRNGKey(3), jax.random.key(3, impl="rbg")],
    ids=["typed", "raw", "rbg"],
)
@pytest.mark.parametrize("fill", [init.uniform(-0.3, 0.7), init.normal(0.1, 2.0)])
def test_the_numbers_do_not_depend_on_how_many_are_drawn_at_once(fill, key, shape, dtype):
    found = fill(key, shape, dtype)
    same = jax.jit(lambda key: fill(key, shape, dtype)).lower(key)  # in a trace nothing more is drawn
    assert found.shape == shape and found.dtype == dtype and not found.committed
    with mock.patch.object(_base, "_MOST", 0):
        np.testing.assert_array_equal(found, fill(key, shape, dtype))
        assert same.as_text() == jax.jit(lambda key: fill(key, shape, dtype)).lower(key).as_text()


def test_layers_of_many_shapes_share_the_programs_that_draw_them():
    drawn = []
    draw = jax.random.uniform
    with mock.patch.object(
        jax.random, "uniform", lambda key, shape, *a: drawn.append(shape) or draw(key, shape, *a)
    ):
        for channels in range(1, 30):
            Conv2d(channels, 4, 3, rngs=nnx.Rngs(0))
    assert {*drawn} == {(4096,)}


def test_a_key_that_is_bound_to_a_device_makes_numbers_that_are():
    key = jax.device_put(jax.random.key(0), jax.devices()[0])
    assert init.uniform()(key, (3,)).committed
