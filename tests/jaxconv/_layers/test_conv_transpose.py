"""ConvTranspose on both fronts, torch's module beside them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx

import jaxconv

CASES = {
    "plain": ((4, 6, 3), {}, {}),
    "positional": ((4, 6, 3, 2, 1, 1, 2, False, 2), {}, {}),
    "output_size": ((4, 6, 3), {"stride": 2, "output_padding": 1}, {"output_size": 14}),
}


def compare(ndim, args, kwargs, call):
    rng = np.random.default_rng(0)
    x = rng.integers(-4, 5, (2, 4, *(6,) * ndim)).astype(np.float32)
    call = {name: [size] * ndim for name, size in call.items()}
    module = getattr(torch.nn, f"ConvTranspose{ndim}d")(*args, **kwargs)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(rng.integers(-4, 5, tuple(parameter.shape))))
        expected, weights = module(torch.from_numpy(x), **call), module.state_dict()
    layer = getattr(jaxconv, f"ConvTranspose{ndim}d")(*args, **kwargs, rngs=nnx.Rngs(0))
    linen = getattr(jaxconv.linen, f"ConvTranspose{ndim}d")(*args, **kwargs)
    variables = linen.init(jax.random.key(0), x, **call)
    assert list(jaxconv.state_dict(layer)) == list(jaxconv.state_dict(variables)) == list(weights)
    np.testing.assert_array_equal(jaxconv.load_state_dict(layer, weights)(x, **call), expected)
    np.testing.assert_array_equal(
        linen.apply(jaxconv.load_state_dict(variables, weights), x, **call), expected
    )


@pytest.mark.parametrize("case", CASES)
def test_equals_torch(case):
    compare(2, *CASES[case])


@pytest.mark.parametrize("ndim", [1, 3])
def test_other_dimensions(ndim):
    compare(ndim, *CASES["output_size"])


def test_initial_distribution():
    layer = jaxconv.ConvTranspose2d(64, 16, 3, groups=2, rngs=nnx.Rngs(0))
    assert layer.weight.shape == (64, 8, 3, 3)
    bound = 1 / np.sqrt(8 * 9)  # torch takes weight.shape[1] for the inputs
    for parameter, least in ((layer.weight, 0.99), (layer.bias, 0.5)):
        assert bound * least < np.abs(parameter[...]).max() <= bound


REFUSED = {
    "padding_mode": ((4, 6, 3), {"padding_mode": "reflect"}, ValueError, "`padding_mode` .*only 'zeros'"),
    "groups": (
        (4, 6, 3),
        {"groups": 4},
        ValueError,
        r"`out_channels` \(=6\) must be divisible by `groups` \(=4\)",
    ),
    "output_padding": ((4, 6, 3), {"output_padding": 1}, ValueError, "`output_padding` .* must be smaller"),
    "kernel_size": ((4, 6, 0), {}, ValueError, "`kernel_size` .* must be positive"),
    "padding": ((4, 6, 3, 1, "same"), {}, TypeError, "`padding` .* must be an int"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_at_construction(case):
    args, kwargs, error, match = REFUSED[case]
    with pytest.raises(error, match=match):
        jaxconv.ConvTranspose2d(*args, **kwargs, rngs=nnx.Rngs(0))
    with pytest.raises(error, match=match):
        jaxconv.linen.ConvTranspose2d(*args, **kwargs)


def test_output_size():
    """From least to least + stride - 1 per dimension; the batch and the channels may be given, and are not looked at."""
    layer, module = (
        jaxconv.ConvTranspose2d(4, 3, 3, 2, 1, rngs=nnx.Rngs(0)),
        torch.nn.ConvTranspose2d(4, 3, 3, 2, 1),
    )
    x = jnp.ones((1, 4, 5, 5))
    for size in ((9, 10), [9, 9], (1, 3, 10, 10)):
        assert layer(x, size).shape == module(torch.ones(1, 4, 5, 5), size).shape
    assert layer(x[0], (3, 10, 9)).shape == (3, 10, 9)
    for size, error, match in [
        (
            (11, 10),
            ValueError,
            r"requested an output size of \(11, 10\), .* range from \(9, 9\) to \(10, 10\)",
        ),
        ((8, 9), ValueError, r"requested an output size of \(8, 9\)"),
        ((9,), ValueError, r"`output_size` \(=\(9,\)\).* must have 2 or 4 elements, got 1"),
        (9, TypeError, "`output_size` must be a sequence of 2 or 4 ints, got 9"),
    ]:
        with pytest.raises(error, match=match):
            layer(x, size)
        with pytest.raises(error):
            module(torch.ones(1, 4, 5, 5), size)
