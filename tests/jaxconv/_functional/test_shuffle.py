"""Pixel and channel shuffles: copies, so all is exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from jaxconv import functional as F

T = torch.nn.functional
rng = np.random.default_rng(35)


@pytest.mark.parametrize("shape", [(8, 4, 6), (2, 8, 4, 6), (3, 2, 8, 4, 6)])
@pytest.mark.parametrize("name", ["pixel_shuffle", "pixel_unshuffle", "channel_shuffle"])
def test_values_are_torchs(name, shape):
    x = np.arange(np.prod(shape)).reshape(shape)
    ours = getattr(F, name)(x, 2)
    np.testing.assert_array_equal(ours, getattr(T, name)(torch.from_numpy(x), 2))
    batched = jax.vmap(lambda x: getattr(F, name)(x, 2))(jnp.stack([x, -x]))
    np.testing.assert_array_equal(batched[1], -ours)


def test_each_undoes_the_other():
    x = rng.standard_normal((2, 18, 4, 5)).astype(np.float16)
    y, vjp = jax.vjp(lambda x: F.pixel_shuffle(x, 3), x)
    np.testing.assert_array_equal(F.pixel_unshuffle(y, 3), x)
    np.testing.assert_array_equal(vjp(y)[0], x)
    np.testing.assert_array_equal(F.channel_shuffle(F.channel_shuffle(x, 3), 6), x)
    assert F.pixel_shuffle(x[:0], 3).shape == (0, 2, 12, 15)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: F.pixel_shuffle(x, 3),
            ValueError,
            r"expects 8 channels of `input` .* to be divisible by 9",
        ),
        (lambda x: F.pixel_shuffle(x, 0), ValueError, r"`upscale_factor` \(=0\) must be positive"),
        (
            lambda x: F.pixel_shuffle(x, 2.0),
            TypeError,
            "`upscale_factor` must be an int, got 2.0 of type float",
        ),
        (lambda x: F.pixel_shuffle(x[0], 1), ValueError, "expects input to have at least 3 dimensions"),
        (lambda x: F.pixel_unshuffle(x, 4), ValueError, r"divisible by `downscale_factor` \(=4\)"),
        (lambda x: F.pixel_unshuffle(x, -1), ValueError, r"`downscale_factor` \(=-1\) must be positive"),
        (
            lambda x: F.channel_shuffle(x, 3),
            ValueError,
            "expects 4 channels of `input` .* to be divisible by 3",
        ),
        (lambda x: F.channel_shuffle(x, True), TypeError, "`groups` must be an int, got True of type bool"),
        (lambda x: F.channel_shuffle(x[0], 2), ValueError, "expects input to have at least 3 dimensions"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call(np.ones((8, 4, 6)))
