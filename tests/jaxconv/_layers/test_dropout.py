"""The dropout layers of both fronts: modes, random streams, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jaxconv

FAMILY = {
    "Dropout": (3, 4),
    "Dropout1d": (3, 4, 5),
    "Dropout2d": (3, 4, 5, 2),
    "Dropout3d": (3, 4, 5, 2, 2),
    "AlphaDropout": (3, 4),
    "FeatureAlphaDropout": (3, 4, 5),
}


@pytest.mark.parametrize("name", FAMILY)
def test_both_fronts_are_the_functional(name):
    x, key = jnp.ones(FAMILY[name], jnp.float32), jax.random.key(3)
    functional = "".join("_" * (c.isupper() and i > 0) + c.lower() for i, c in enumerate(name))
    expected = getattr(jaxconv.functional, functional)(x, 0.4, True, key=key)
    assert (expected != x).any()
    layer = getattr(jaxconv, name)(0.4, True)
    np.testing.assert_array_equal(layer(x, rngs=key), expected)
    layer.eval()
    assert layer(x) is x and layer.p == 0.4 and layer.inplace
    linen = getattr(jaxconv.linen, name)(0.4)
    np.testing.assert_array_equal(linen.apply({}, x, False, key), expected)
    np.testing.assert_array_equal(linen.apply({}, x, True), x)


def test_nnx_streams_and_modes():
    x = jnp.ones(100, jnp.float32)
    rngs = nnx.Rngs(0, dropout=1)
    model = nnx.Sequential(jaxconv.Dropout(rngs=rngs), jaxconv.Dropout(0.2, rngs=rngs))
    first, second = model.layers
    y = first(x)
    assert (y != first(x)).any() and (y != second(x) * 1.6).any()
    # Each layer has a stream of its own, as in Flax: what one draws is nothing to the others.
    again = jaxconv.Dropout(rngs=nnx.Rngs(0, dropout=1))
    np.testing.assert_array_equal(again(x), y)
    assert jaxconv.state_dict(model) == {}
    drawing = nnx.jit(lambda m, x: m(x))
    assert (drawing(first, x) != drawing(first, x)).any()
    model.eval()
    assert model(x) is x and first(x, deterministic=False) is not x
    view = nnx.view(first, deterministic=False)
    assert view(x) is not x and first(x) is x
    model.train()
    assert model(x) is not x
    assert jaxconv.Dropout(0.0)(x) is x and not jaxconv.Dropout(1.0)(x).any()  # no stream is needed


def test_linen_streams_and_modes():
    x = jnp.ones(100, jnp.float32)
    layer = jaxconv.linen.Dropout(0.5, deterministic=False, rng_collection="noise")
    rngs = {"noise": jax.random.key(0)}
    y = layer.apply({}, x, rngs=rngs)
    assert set(np.unique(y)) == {0, 2}
    np.testing.assert_array_equal(layer.apply({}, x, rngs=rngs), y)
    with pytest.raises(Exception, match="noise"):
        layer.apply({}, x)
    with pytest.raises(ValueError, match="deterministic"):
        jaxconv.linen.Dropout(0.5).apply({}, x)


BAD = {
    "p": (lambda m: m.Dropout(1.5), ValueError, r"`p` has to be between 0 and 1, but got 1.5"),
    "p None": (lambda m: m.AlphaDropout(None), TypeError, "`p` must be a number"),
    "inplace": (lambda m: m.Dropout2d(0.5, jnp.ones(1)), TypeError, "`inplace` must be a bool, got an array"),
}


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, row):
    make, error, message = row
    with pytest.raises(error, match=message):
        make(front)


def test_a_stream_is_asked_for():
    with pytest.raises(
        ValueError, match=r"Dropout needs `rngs` in training: Dropout\(..., rngs=nnx.Rngs\(0\)\)"
    ):
        jaxconv.Dropout()(jnp.ones(3))
    with pytest.raises(ValueError, match="`deterministic` must be given"):
        jaxconv.Dropout(deterministic=None)(jnp.ones(3))
    with pytest.raises(TypeError, match="`rngs` must be nnx"):
        jaxconv.Dropout(rngs=0)
