"""The activations, beyond torch's own samples: kinks, tails, infinities, integers, refusals, rrelu."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax.test_util import check_grads
from oracle import REFUSALS, Sample, check_samples

from jaxconv import functional as F

pytestmark = pytest.mark.share(2)

ROWS = [
    *((name, {}) for name in (
        "celu", "elu", "gelu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "logsigmoid", "mish",
        "relu", "relu6", "rrelu", "selu", "sigmoid", "silu", "softplus", "softshrink", "softsign", "tanh", "tanhshrink",
    )),
    ("celu", dict(alpha=-2.0)),
    ("elu", dict(alpha=-1.5)),
    ("gelu", dict(approximate="tanh")),
    ("hardshrink", dict(lambd=-1.0)),
    ("hardtanh", dict(min_val=1.0, max_val=1.0)),
    ("hardtanh", dict(min_val=-float("inf"), max_val=3.0)),
    ("leaky_relu", dict(negative_slope=-2.0)),
    ("rrelu", dict(lower=-0.25, upper=0.5)),
    ("softplus", dict(beta=-0.5, threshold=3.0)),
    ("softshrink", dict(lambd=0.0)),
    ("threshold", dict(threshold=-1.0, value=7.0)),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(map(str, kwargs.values()))}" for name, kwargs in ROWS]

KINKS = [-3, -1, -0.5, -0.0, 0, 0.5, 1, 3, 6, 20]
# Not beyond 80: where exp(-x) is below the least normal number XLA gives 0.
POINTS = np.array([*KINKS, *np.linspace(-80, 80, 321), -1e4, 1e4], np.float32)


def torch_function(name):
    return getattr(torch.nn.functional, name, None) or getattr(torch, name)


def test_values_and_derivatives_at_kinks_and_in_tails():
    check_samples(
        [
            Sample(
                partial(torch_function(name), **kwargs),
                partial(getattr(F, name), **kwargs),
                {"input": POINTS[:-2] if kwargs.get("alpha") == -2 else POINTS},  # there it is infinite
                about=f"{name} {kwargs}",
            )
            for name, kwargs in ROWS
        ],
        np.random.default_rng(0),
    )


@pytest.mark.parametrize(("name", "kwargs"), ROWS, ids=IDS)
def test_infinities_and_nan(name, kwargs):
    x = np.array([-np.inf, np.inf, np.nan, -(2.0**100), 2.0**100])
    np.testing.assert_array_equal(
        getattr(F, name)(x, **kwargs), torch_function(name)(torch.tensor(x), **kwargs)
    )


def test_elus_derivative_keeps_the_digits_of_a_tail():
    # expm1(x) + 1, JAX's own derivative, is 0 at -40; torch's is exp(x).
    x = jnp.linspace(-40.0, -1.0, 40)
    for name in ("elu", "celu"):
        np.testing.assert_array_equal(jax.vmap(jax.grad(getattr(F, name)))(x), jnp.exp(x))


def test_first_and_second_derivatives_are_finite():
    x = jnp.array([-1e30, -1e4, -90.0, -0.25, 0.25, 90.0, 1e4, 1e30])
    rows = [row for row in ROWS if row != ("celu", dict(alpha=-2.0))]  # it grows like exp

    def derivatives(name, kwargs):
        return jax.vmap(jax.value_and_grad(jax.grad(lambda x: getattr(F, name)(x, **kwargs))))(x)

    found = jax.jit(lambda: [derivatives(*row) for row in rows])()
    bad = [row for row, values in zip(rows, found, strict=True) if not np.isfinite(values).all()]
    assert found and not bad


@pytest.mark.parametrize("name", ["elu", "celu", "selu", "softplus", "logsigmoid", "mish"])
def test_derivatives_of_our_own_are_consistent(name):
    # Forward, backward and second: finite differences.
    check_grads(getattr(F, name), (jnp.array([-2.3, -0.7, 0.3, 2.2]),), order=2)


INTEGERS = [
    ("relu", {}),
    ("relu6", {}),
    ("hardtanh", dict(min_val=-1.9, max_val=2.9)),
    ("threshold", dict(threshold=-0.5, value=7.9)),
    ("threshold", dict(threshold=-1.5, value=-3)),
    ("threshold", dict(threshold=1, value=2)),
    ("threshold", dict(threshold=2, value=-3)),
]


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize(("name", "kwargs"), INTEGERS, ids=str)
def test_integers(name, kwargs, dtype):
    x = np.arange(-3, 9).astype(dtype)
    try:
        expected = torch_function(name)(torch.from_numpy(x), **kwargs).numpy()
    except RuntimeError:
        with pytest.raises(ValueError, match=r"(must not be negative|cannot be represented) .* dtype uint8"):
            getattr(F, name)(x, **kwargs)
    else:
        ours = getattr(F, name)(x, **kwargs)
        assert ours.dtype == dtype
        np.testing.assert_array_equal(ours, expected)


X = np.ones((2, 4), np.float32)
INTS = np.ones((2, 4), np.int32)
REFUSED = {
    "relu bool": ("relu", (X > 0,), {}, TypeError, '"relu" is not implemented for dtype bool'),
    "relu complex": ("relu", (X.astype("c8"),), {}, TypeError, '"relu" is not implemented for dtype complex64'),
    "gelu integer": ("gelu", (INTS,), {}, TypeError, '"gelu" is not implemented for dtype int32'),
    "softsign bool": ("softsign", (X > 0,), {}, TypeError, '"softsign" is not implemented for dtype bool'),
    "tanhshrink bool": ("tanhshrink", (X > 0,), {}, TypeError, '"tanhshrink" is not implemented for dtype bool'),
    "silu integer": ("silu", (INTS,), {}, TypeError, '"silu" is not implemented for dtype int32'),
    "approximate": ("gelu", (X,), dict(approximate="erf"), ValueError, r"`approximate` \(='erf'\) must be 'none' or 'tanh'"),
    "slope": ("leaky_relu", (X, "1"), {}, TypeError, "`negative_slope` must be a number, got '1' of type str"),
    "slope None": ("leaky_relu", (X, None), {}, TypeError, "`negative_slope` must be a number, got None"),
    "ends": ("hardtanh", (X, 2, 1), {}, ValueError, r"`min_val` \(=2\) must not be greater than `max_val` \(=1\)"),
    "value": ("threshold", (INTS.astype("i1"), 0, 128.0), {}, ValueError, r"`value` \(=128.0\) cannot be represented in `input`'s dtype int8"),
    "end of integers": ("hardtanh", (INTS, -1e20, 3), {}, ValueError, r"`min_val` \(=-1e\+20\) cannot be represented in `input`'s dtype int32"),
    "NaN threshold": ("threshold", (INTS, float("nan"), 1), {}, ValueError, r"`threshold` \(=nan\) cannot be represented"),
    "complex value": ("threshold", (X, 0, 1j), {}, TypeError, r"`value` must be a number, got 1j of type complex"),
    "alpha": ("celu", (X, 0), {}, ValueError, r"`alpha` \(=0\) cannot be 0 for CELU"),
    "lambd": ("softshrink", (X, -1), {}, ValueError, r"`lambd` \(=-1\) must be greater or equal to 0"),
    "bounds": ("rrelu", (X, 1, 0), {}, ValueError, r"`lower` \(=1\) must not be greater than `upper` \(=0\)"),
    "infinite bound": ("rrelu", (X, 0, float("inf")), {}, ValueError, r"`upper` \(=inf\) must be finite"),
    "odd": ("glu", (X[:, :3],), {}, ValueError, r"Halving dimension must be even, but dimension -1 of `input` of shape \(2, 3\)"),
    "glu dim": ("glu", (X, 2), {}, ValueError, r"Dimension out of range .*\[-2, 1\], but got 2"),
    "weights": ("prelu", (X, X[0, :3]), {}, ValueError, "`weight` has 3 numbers for 4 channels of `input`"),
    "weight rank": ("prelu", (X, X[:1]), {}, ValueError, r"`weight` to be a scalar or 1D array, but got shape \(1, 4\)"),
    "weight dtype": ("prelu", (X, X[0].astype("f8")), {}, TypeError, "expected `weight` to have the dtype float32 of `input`, but got float64"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "args", "kwargs", "error", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_both_refuse(name, args, kwargs, error, message):
    tensors = [torch.from_numpy(a) if isinstance(a, np.ndarray) else a for a in args]
    with pytest.raises(REFUSALS):
        torch_function(name)(*tensors, **kwargs)
    with pytest.raises(error, match=message):
        getattr(F, name)(*args, **kwargs)


def test_arguments_are_torchs():
    compared = []
    for name in {name for name, _ in ROWS} | {"glu", "prelu"}:
        try:
            expected = inspect.signature(torch_function(name)).parameters.values()
        except ValueError:  # written in C++
            continue
        ours = [
            p
            for p in inspect.signature(getattr(F, name)).parameters.values()
            if p.kind is p.POSITIONAL_OR_KEYWORD
        ]
        assert [(p.name, p.default) for p in ours] == [(p.name, p.default) for p in expected], name
        compared.append(name)
    assert len(compared) > 10


def test_half_types_are_rounded_once():
    x = np.linspace(-8, 8, 257).astype(jnp.bfloat16)
    for name in ("elu", "gelu", "hardswish", "mish", "silu", "softplus"):
        ours = getattr(F, name)(x)
        assert ours.dtype == jnp.bfloat16
        np.testing.assert_array_equal(ours, getattr(F, name)(x.astype(np.float32)).astype(jnp.bfloat16))


def test_rrelu_in_training():
    x = jnp.asarray(np.random.default_rng(0).standard_normal(10_000))
    y, vjp = jax.vjp(lambda x: F.rrelu(x, 0.25, 0.75, True, key=jax.random.key(0)), x)
    slope = vjp(jnp.ones_like(y))[0]
    np.testing.assert_array_equal(y, x * slope)
    drawn = slope[x <= 0]
    assert (slope[x > 0] == 1).all() and drawn.min() >= 0.25 and drawn.max() <= 0.75
    # The mean of n uniform numbers is within 5 standard deviations of the middle.
    assert abs(drawn.mean() - 0.5) < 5 * 0.5 / np.sqrt(12 * drawn.size)
    with pytest.raises(ValueError, match="rrelu draws random numbers in training and needs `key`"):
        F.rrelu(x, training=True)
    half = F.rrelu(jnp.ones(3, jnp.bfloat16), training=True, key=jax.random.key(0))
    assert half.dtype == jnp.bfloat16


def test_export():
    def function(x):
        return F.elu(x) + F.softplus(x) + F.mish(x) + F.hardswish(x)

    x = jnp.linspace(-3.0, 3.0, 7)
    exported = jax.export.deserialize(jax.export.export(jax.jit(function))(x).serialize(vjp_order=1))
    np.testing.assert_array_equal(exported.call(x), jax.jit(function)(x))
    assert np.isfinite(jax.grad(lambda x: exported.call(x).sum())(x)).all()


def test_a_number_is_cut_off_to_an_integer_if_the_result_fits():
    """As torch does since 2.14; before, 127.5 was refused for int8."""
    x = INTS.astype("i1")
    for value, expected in ((127.5, 127), (-128.0, -128), (2.7, 2), (-2.7, -2)):
        y = np.asarray(F.threshold(x, 9, value))
        assert y.dtype == np.int8 and (y == expected).all()
