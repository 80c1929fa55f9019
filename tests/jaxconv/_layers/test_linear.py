"""Linear and Bilinear of both fronts beside torch's modules."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch
from flax import nnx

import jaxconv

rng = np.random.default_rng(15)
LAYERS = {
    "Linear": ((3, 5), {}, [(2, 4, 3)]),
    "Linear without bias": ((3, 5, False), {}, [(3,)]),
    "Linear of nothing": ((0, 5), {}, [(2, 0)]),
    "Bilinear": ((3, 4, 5), {}, [(2, 3), (2, 4)]),
    "Bilinear without bias": ((3, 4, 5), dict(bias=False), [(3,), (4,)]),
}


@pytest.mark.filterwarnings("ignore:Initializing zero-element:UserWarning")
@pytest.mark.parametrize("case", LAYERS)
def test_equals_torch(case):
    args, kwargs, shapes = LAYERS[case]
    name = case.split()[0]
    theirs = getattr(torch.nn, name)(*args, **kwargs)
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.from_numpy(rng.integers(-4, 5, tuple(parameter.shape))))
    inputs = [rng.integers(-4, 5, shape).astype(np.float32) for shape in shapes]
    expected = theirs(*map(torch.from_numpy, inputs)).detach().numpy()
    layer = getattr(jaxconv, name)(*args, **kwargs, rngs=nnx.Rngs(0))
    variables = getattr(jaxconv.linen, name)(*args, **kwargs).init(jax.random.key(0), *inputs)
    for tree in (layer, variables):
        assert list(jaxconv.state_dict(tree)) == list(theirs.state_dict())
    np.testing.assert_array_equal(jaxconv.load_state_dict(layer, theirs.state_dict())(*inputs), expected)
    variables = jaxconv.load_state_dict(variables, theirs.state_dict())
    np.testing.assert_array_equal(
        getattr(jaxconv.linen, name)(*args, **kwargs).apply(variables, *inputs), expected
    )


@pytest.mark.parametrize("name", ["Linear", "Bilinear"])
def test_torchs_distribution(name):
    """Uniform in +-1 / sqrt(in_features); of Bilinear the first ones count, in2_features does not."""
    args = (100, 300) if name == "Linear" else (100, 2, 300)
    layer = getattr(jaxconv, name)(*args, rngs=nnx.Rngs(1))
    bound = 1 / math.sqrt(100)
    for value in (layer.weight[...], layer.bias[...]):
        test = scipy.stats.kstest(
            np.asarray(value, float).ravel(), scipy.stats.uniform(-bound, 2 * bound).cdf
        )
        assert test.pvalue > 1e-3


def test_dtypes():
    layer = jaxconv.Linear(3, 2, dtype=jnp.bfloat16, rngs=nnx.Rngs(0))
    assert layer.weight.dtype == jnp.float32 and layer(jnp.ones((1, 3))).dtype == jnp.bfloat16
    layer = jaxconv.Bilinear(3, 3, 2, param_dtype=jnp.float16, rngs=nnx.Rngs(0))
    x = jnp.ones((1, 3), jnp.float16)
    assert layer(x, x).dtype == jnp.float16 and layer(x, x.astype(jnp.float32)).dtype == jnp.float32


BAD = {
    "in_features": (lambda m: m.Linear(-1, 2), ValueError, r"`in_features` \(=-1\) must be non-negative"),
    "out_features": (lambda m: m.Linear(2, 3.0), TypeError, "`out_features` must be an int, got 3.0 of type float"),
    "bias": (lambda m: m.Linear(2, 3, np.ones(3)), TypeError, r"`bias` must be a bool, got an array of shape \(3,\)"),
    "in1_features": (lambda m: m.Bilinear(0, 2, 3), ValueError, r"`in1_features` \(=0\) must be positive"),
    "in2_features": (lambda m: m.Bilinear(2, -2, 3), ValueError, r"`in2_features` \(=-2\) must be non-negative"),
}  # fmt: skip


@pytest.mark.parametrize("front", [jaxconv.nn, jaxconv.linen])
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_bad_arguments_are_refused_at_construction(front, row):
    make, error, message = row
    with pytest.raises(error, match=message):
        make(front)
    with pytest.raises(TypeError, match="`rngs` must be"):
        jaxconv.Linear(2, 3)
