"""Tools that walk jaxprs see through the primitive."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import jet

import jaxconv
from jaxconv import functional as F

X = np.random.default_rng(0).integers(-3, 4, (2, 4, 7, 6)).astype(np.float64)
W = np.random.default_rng(1).integers(-3, 4, (6, 2, 3, 2)).astype(np.float64)
V = np.random.default_rng(2).integers(-3, 4, X.shape).astype(np.float64)


def conv(x, w):
    return F.conv2d(x, w, stride=(2, 1), padding=1, groups=2)


def test_the_example_runs():
    example = doctest.DocTestParser().get_doctest(jaxconv.extend.__doc__, {}, "jaxconv.extend", None, 0)
    result = doctest.DocTestRunner().run(example)
    assert result.attempted > 3 and not result.failed


def equations(function, *arguments):
    jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
    return [eqn for eqn in jaxpr.eqns if eqn.primitive.name == jaxconv.extend.CONVOLUTION]


@pytest.mark.parametrize(
    "function",
    [
        lambda x, w: conv(x, w),
        lambda x, w: jax.vjp(lambda x: conv(x, w), x)[1](jnp.ones((2, 6, 4, 7)))[0],
        lambda x, w: jax.vjp(lambda w: conv(x, w), w)[1](jnp.ones((2, 6, 4, 7)))[0],
        lambda x, w: F.conv_transpose2d(x, jnp.ones((4, 3, 2, 2)), stride=2),
    ],
    ids=["forward", "backward input", "backward weight", "transposed"],
)
def test_an_equation_is_written_with_jax_s_own_convolution(function):
    found = equations(function, X, W)
    assert found
    rng = np.random.default_rng(3)
    for eqn in found:
        operands = [rng.integers(-3, 4, v.aval.shape).astype(v.aval.dtype) for v in eqn.invars]
        plain = jaxconv.extend.convolution(eqn.params)
        np.testing.assert_array_equal(plain(*operands), eqn.primitive.bind(*operands, **eqn.params))
        text = str(jax.make_jaxpr(plain)(*operands))
        assert "conv_general_dilated" in text and jaxconv.extend.CONVOLUTION not in text


@pytest.mark.parametrize("bias", [False, True])
def test_reduced_precision_comes_out_in_the_dtype_of_the_equation(bias):
    x, w = jnp.asarray(X, jnp.bfloat16), jnp.asarray(W, jnp.bfloat16)
    b = jnp.ones(6, jnp.bfloat16) if bias else None
    (eqn,) = equations(lambda x, w: F.conv2d(x, w, b, stride=(2, 1), padding=1, groups=2), x, w)
    got = jaxconv.extend.convolution(eqn.params)(x, w)
    assert got.dtype == eqn.outvars[0].aval.dtype == (jnp.float32 if bias else jnp.bfloat16)
    np.testing.assert_array_equal(got, eqn.primitive.bind(x, w, **eqn.params))


@pytest.mark.parametrize("lowering", [None, "direct", "shift"])
def test_taylor_series_are_those_of_jax_s_own_convolution(lowering):
    with jaxconv.lowering(lowering):
        ours = jet.jet(lambda x: conv(x, W) * conv(x, W), (X,), ((V, 0 * V),))
    plain = jaxconv.extend.convolution(equations(conv, X, W)[0].params)
    expected = jet.jet(lambda x: plain(x, W) * plain(x, W), (X,), ((V, 0 * V),))
    for got, want in zip(jax.tree.leaves(ours), jax.tree.leaves(expected), strict=True):
        # All are integers, but jet's own factorials come from exp(lgamma(n)), which rounds.
        np.testing.assert_array_equal(np.round(got), np.round(want))
